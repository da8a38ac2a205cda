# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What becomes of a node whose upgrade has failed."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._cluster import upgrade


class FilterModule:
    def filters(self):
        return {"way_back": upgrade.way_back}
