# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Log in to this node's Vault, write, read, and say how long each step took.

    python -m vaultops_tool._backup.probe_cli --config /etc/vault-backup/probe.json

Exit codes are those of the backup tool (cli.py beside this).
"""

from __future__ import annotations

from . import config, probe, program


def main(arguments: list[str] | None = None) -> int:
    return program.main("vault-probe", __doc__ or "", lambda path: probe.run(config.load_probe(path)), arguments)


if __name__ == "__main__":
    raise SystemExit(main())
