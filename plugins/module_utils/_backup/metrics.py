# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The numbers of snapshots that monitoring alerts on. They survive failed runs."""

from __future__ import annotations

from .._common.samples import Values
from . import textfile

HELP = {
    "vault_backup_last_success_timestamp_seconds": "When the last snapshot was completely in its place.",
    "vault_backup_last_duration_seconds": "How long the last successful run took.",
    "vault_backup_last_size_bytes": "Size of the last snapshot, plain and encrypted.",
    "vault_backup_last_raft_index": "Raft index of the last snapshot.",
    "vault_backup_last_attempt_timestamp_seconds": "When the last run ended, whatever its end.",
    "vault_backup_last_exit_code": "Exit code of the last run; 0 also for one on a node that is not active.",
}


def attempt(now: float, code: int) -> Values:
    return {"vault_backup_last_attempt_timestamp_seconds": now, "vault_backup_last_exit_code": code}


def success(now: float, duration: float, plain_bytes: int, encrypted_bytes: int, index: int) -> Values:
    return {
        "vault_backup_last_success_timestamp_seconds": now,
        "vault_backup_last_duration_seconds": duration,
        'vault_backup_last_size_bytes{kind="plain"}': plain_bytes,
        'vault_backup_last_size_bytes{kind="encrypted"}': encrypted_bytes,
        "vault_backup_last_raft_index": index,
    }


def update(path: str, changes: Values) -> None:
    textfile.update(path, HELP, changes)
