# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a node has its certificate, key and CA, and who may read them."""

from __future__ import annotations

import os
import typing as t

from . import files

DIRECTORY = "/etc/vault.d/tls"


def entries(params: dict[str, t.Any]) -> list[files.Entry]:
    """The key comes before the certificate: a run that is killed in between has served nothing yet."""

    def path(name: str) -> str:
        return os.path.join(params["directory"], name)

    return [
        files.Entry(params["directory"], "root", "vault", 0o750),
        files.Entry(path("ca.crt"), "root", "root", 0o644, params["ca"]),
        files.Entry(path("vault.key"), "vault", "vault", 0o400, params["private_key"], secret=True),
        files.Entry(path("vault.crt"), "root", "root", 0o644, params["certificate"]),
    ]
