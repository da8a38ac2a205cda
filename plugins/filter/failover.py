# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pure functions that the role vault_failover decides with."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._plan import words
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.failover import state


class FilterModule:
    def filters(self):
        return {
            "failover_report": state.report,
            "failover_said": state.words,
            "failover_settle": words.unsettled_seconds,
        }
