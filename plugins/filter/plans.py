# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a playbook would do, in words."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._plan import upgrade, words


def certificate_words(status, hostvars, about):
    """What differs on each node is what the entry point plan of vault_tls has kept."""
    names = [node["name"] for node in status["nodes"]]
    return words.certificates(status, {name: hostvars[name].get("vault_tls_todo") or [] for name in names}, about)


class FilterModule:
    def filters(self):
        return {
            "backup_words": words.backup,
            "certificate_words": certificate_words,
            "drill_words": words.drill,
            "replacement_words": words.replacement,
            "restart_words": words.restart,
            "restore_words": words.restore,
            "standbys_first": upgrade.order,
            "upgrade_words": words.upgrade,
        }
