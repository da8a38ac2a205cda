# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take a verified, encrypted snapshot of this node's Vault, if it is the active one.

    python -m vaultops_tool._backup.cli --config /etc/vault-backup/config.json

Exit codes:

    0  done; or this node is not the active one, and there was nothing to do
    1  a bug, with its traceback
    2  the configuration can't be used, or a Python package is missing
    3  another run holds the lock
    4  Vault: not reachable, no login, refused, or the leader changed
    5  the snapshot that came is broken
    6  KMS or the encryption
    7  the disk: full, not writable, or it lost data; metrics included
    8  S3; the snapshot may be whole on the disk, and the message says so
    9  interrupted by SIGTERM or SIGINT, and cleaned up

Whatever the code, but for 0, all snapshots from before are as they were.
"""

from __future__ import annotations

from . import config, program, run


def main(arguments: list[str] | None = None) -> int:
    return program.main("vault-backup", __doc__ or "", lambda path: run.run(config.load(path)), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
