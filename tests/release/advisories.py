"""Which of the pinned packages have an advisory, as far as advisories.yml knows: pure."""

from __future__ import annotations

import dataclasses
import typing as t

from packaging.version import Version
from release.pins import canonical, pins


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    file: str
    package: str
    version: str
    id: str
    source: str = dataclasses.field(compare=False)

    def __str__(self) -> str:
        return f"{self.file}: {self.package} {self.version} has {self.id}. Take a version that mends it: {self.source}"


def affected(version: str, ranges: t.Iterable[dict[str, str]]) -> bool:
    own = Version(version)
    return any(Version(one["introduced"]) <= own < Version(one["fixed"]) for one in ranges)


def findings(files: dict[str, str], known: t.Iterable[dict]) -> list[Finding]:
    """*files*: the text of each file of pins, by its path."""
    by_package: dict[str, list[dict]] = {}
    for one in known:
        by_package.setdefault(canonical(one["package"]), []).append(one)
    return sorted(
        Finding(path, pin.name, pin.version, one["id"], one["source"])
        for path, text in files.items()
        for pin in set(pins(text))
        for one in by_package.get(pin.name, [])
        if affected(pin.version, one["ranges"])
    )


def problems(files: dict[str, str], data: dict) -> list[str]:
    found = findings(files, data["advisories"])
    accepted = {
        (one["file"], one["package"], one["version"], name): one for one in data["accepted"] for name in one["ids"]
    }
    for one in accepted.values():
        if not one["reason"]:
            return [f"advisories.yml accepts {one['package']} {one['version']} without a reason. Give one."]
    there = {(one.file, one.package, one.version, one.id) for one in found}
    said = [str(one) for one in found if (one.file, one.package, one.version, one.id) not in accepted]
    said += [
        f"advisories.yml accepts {name} in {package} {version} of {file}, which is not there any more. Remove the entry."
        for file, package, version, name in sorted(accepted.keys() - there)
    ]
    return said
