# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two servers that a cluster can be of, and where they differ: names, releases, and the files that a release is in. Pure.

What a version of either can do, and since when, is product.py's. Sources of OpenBao's names: its release workflow and its
packages' definition at v2.5.5 and v2.6.2 (goreleaser.linux.yaml, scripts/release/checksums.sh).
"""

from __future__ import annotations

import typing as t

VAULT, OPENBAO = "vault", "openbao"
NAMES = (VAULT, OPENBAO)

Number = tuple[int, ...]

_HASHICORP = "https://releases.hashicorp.com"
_GITHUB = "https://github.com/openbao/openbao/releases/download"
# From this release on the archive is named openbao, for linux and amd64, and one list has the sums of all systems.
_RENAMED: Number = (2, 6, 0)


class Flavour(t.NamedTuple):
    name: str  # as vault_flavour has it
    product: str  # as people are told
    binary: str  # in the archive, in the release's directory, and on the path
    mirror: str


class Layout(t.NamedTuple):
    """Where a mirror has a release; *sums* and *signature* are beside the archive."""

    folder: str
    archive: str
    sums: str
    signature: str


FLAVOURS = {
    VAULT: Flavour(VAULT, "Vault", "vault", _HASHICORP),
    OPENBAO: Flavour(OPENBAO, "OpenBao", "bao", _GITHUB),
}
BINARIES = {flavour.binary: name for name, flavour in FLAVOURS.items()}


def of(name: str) -> Flavour:
    return FLAVOURS[name]


def layout(flavour: str, version: str, architecture: str) -> Layout:
    """*architecture*: amd64 or arm64."""
    if flavour == VAULT:
        sums = f"vault_{version}_SHA256SUMS"
        return Layout(f"vault/{version}", f"vault_{version}_linux_{architecture}.zip", sums, f"{sums}.sig")
    if _number(version) >= _RENAMED:
        archive, sums = f"openbao_{version}_linux_{architecture}.tar.gz", "checksums.txt"
    else:
        machine = {"amd64": "x86_64"}.get(architecture, architecture)
        archive, sums = f"bao_{version}_Linux_{machine}.tar.gz", "checksums-linux.txt"
    return Layout(f"v{version}", archive, sums, f"{sums}.gpgsig")


def _number(version: str) -> Number:
    return tuple(int(part) for part in version.partition("+")[0].partition("-")[0].split("."))
