# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which snapshots may go. Pure."""

from __future__ import annotations

from .._snapshot.manifest import Manifest

DAY_SECONDS = 86_400


def expired(backups: list[Manifest], made: Manifest, now: float, keep_last: int, keep_days: int) -> list[Manifest]:
    """Those of *made*'s cluster id that are neither among the newest nor young. Only the run that has just made it may ask.

    Another id is another cluster, also under the same name: what is left of it is not this one's to delete.

    A clock can be wrong, and Raft's index starts anew in a cluster that was restored: so the newest by either of them
    stay, and so does what seems to come from the future: it is not old. *made* stays in any case: both may be wrong at once.
    """
    ours = [backup for backup in backups if backup.cluster_id == made.cluster_id and backup.name != made.name]
    keep_last = max(keep_last, 1)
    by_index = sorted([*ours, made], key=lambda backup: (backup.raft_index, backup.started_epoch))
    by_time = sorted([*ours, made], key=lambda backup: (backup.started_epoch, backup.raft_index))
    newest = {backup.name for backup in by_index[-keep_last:] + by_time[-keep_last:]} | {made.name}
    oldest = now - keep_days * DAY_SECONDS
    return [backup for backup in by_time if backup.name not in newest and backup.started_epoch < oldest]
