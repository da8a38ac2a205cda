# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a playbook would do, in words."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._common import product
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import (
    aws_words,
    quorum,
    seal_adopt,
    seal_move,
    upgrade,
    words,
)


def certificate_words(status, hostvars, about):
    """What differs on each node is what the entry point plan of vault_tls has kept."""
    names = [node["name"] for node in status["nodes"]]
    return words.certificates(
        status, {name: hostvars[name].get("vault_certificates_todo") or [] for name in names}, about
    )


class FilterModule:
    def filters(self):
        return {
            "aws_made_words": aws_words.made,
            "aws_removed_words": aws_words.removed,
            "backup_words": words.backup,
            "bucket_removed_words": aws_words.removed_buckets,
            "certificate_words": certificate_words,
            "drill_words": words.drill,
            "failover_words": words.failover,
            "instance_words": aws_words.machines,
            "instance_removed_words": aws_words.terminated,
            "key_words": aws_words.key,
            "provision_words": aws_words.provision,
            "quorum_words": quorum.in_words,
            "regain_words": words.regain,
            "removal_words": aws_words.removal,
            "replacement_words": words.replacement,
            "restart_words": words.restart,
            "restore_words": words.restore,
            "scheduled_words": aws_words.scheduled,
            "seal_adopt_words": seal_adopt.in_words,
            "seal_move_snapshots": seal_move.old_snapshots,
            "seal_move_words": seal_move.in_words,
            "standbys_first": upgrade.order,
            "transfer_bucket_removed_words": aws_words.removed_transfers,
            "upgrade_words": words.upgrade,
            "version_notes": product.notes,
        }
