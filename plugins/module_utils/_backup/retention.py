# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which snapshots may go. Pure."""

from __future__ import annotations

from .manifest import Manifest

DAY_SECONDS = 86_400


def expired(backups: list[Manifest], now: float, keep_last: int, keep_days: int) -> list[Manifest]:
    """Those that are neither among the newest nor young. Only a run that has just made one may ask.

    A clock can be wrong, and Raft's index starts anew in a cluster that was restored: so the newest by either of them
    stay, and so does what seems to come from the future: it is not old.
    """
    keep_last = max(keep_last, 1)
    by_index = sorted(backups, key=lambda backup: (backup.raft_index, backup.begun_at))
    by_time = sorted(backups, key=lambda backup: (backup.begun_at, backup.raft_index))
    newest = {backup.name for backup in by_index[-keep_last:] + by_time[-keep_last:]}
    oldest = now - keep_days * DAY_SECONDS
    return [backup for backup in by_time if backup.name not in newest and backup.begun_at < oldest]
