# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send the audit files of this node that were rotated to the bucket, each once.

    python -m vaultops_tool._backup.archive_cli --config /etc/vault-backup/audit.json

Exit codes are those of the backup tool (cli.py beside this); 5 is a rotated file that is broken.
"""

from __future__ import annotations

from . import archive, config, program


def main(arguments: list[str] | None = None) -> int:
    return program.main(
        "vault-audit-archive", __doc__ or "", lambda path: archive.run(config.load_archive(path)), arguments
    )


if __name__ == "__main__":
    raise SystemExit(main())
