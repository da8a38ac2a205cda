# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which server a snapshot is of, in words and as its releases are numbered. Pure."""

from __future__ import annotations

from .._common import product
from . import manifest


def name(vault_version: str) -> str:
    """*vault_version*: of a manifest."""
    return product.named(manifest.flavour_of(vault_version))


def release(vault_version: str) -> str:
    """Without the mark that tells the products apart."""
    return vault_version.removesuffix(f"+{product.OPENBAO}")


def server(vault_version: str) -> str:
    return f"{name(vault_version)} {release(vault_version)}"
