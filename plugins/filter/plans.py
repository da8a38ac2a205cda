# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a playbook would do, in words."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._plan import upgrade, words


class FilterModule:
    def filters(self):
        return {
            "backup_words": words.backup,
            "certificate_words": words.certificates,
            "drill_words": words.drill,
            "replacement_words": words.replacement,
            "restart_words": words.restart,
            "restore_words": words.restore,
            "standbys_first": upgrade.order,
            "upgrade_words": words.upgrade,
        }
