# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How releases are published: on which mirror, and in files of which names. Pure.

Sources of OpenBao's names are its own release workflow and the definition of its archives at v2.5.5 and v2.6.2
(goreleaser.linux.yaml, scripts/release/checksums.sh).
"""

from __future__ import annotations

import os
import typing as t

from . import product
from .product import Flavour, Product

# In the archive, in the release's directory on a node, and on the path.
BINARIES: t.Mapping[Flavour, str] = {product.VAULT: "vault", product.OPENBAO: "bao"}
MIRRORS: t.Mapping[Flavour, str] = {
    product.VAULT: "https://releases.hashicorp.com",
    product.OPENBAO: "https://github.com/openbao/openbao/releases/download",
}


def flavour_of(binary: str) -> Flavour | None:
    """Whose binary that is, by its file's name."""
    return next((flavour for flavour, name in BINARIES.items() if name == os.path.basename(binary)), None)


class Layout(t.NamedTuple):
    """Where a mirror has a release. The signature is one over the sums."""

    folder: str
    archive: str
    sums: str
    signature: str


def layout(flavour: Flavour, version: str, architecture: str) -> Layout:
    """*architecture*: amd64 or arm64."""
    if flavour == product.VAULT:
        sums = f"vault_{version}_SHA256SUMS"
        return Layout(f"vault/{version}", f"vault_{version}_linux_{architecture}.zip", sums, f"{sums}.sig")
    if Product.of(version, flavour).does(product.ONE_LIST_OF_SUMS):
        archive, sums = f"openbao_{version}_linux_{architecture}.tar.gz", "checksums.txt"
    else:
        machine = {"amd64": "x86_64"}.get(architecture, architecture)
        archive, sums = f"bao_{version}_Linux_{machine}.tar.gz", "checksums-linux.txt"
    return Layout(f"v{version}", archive, sums, f"{sums}.gpgsig")
