# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pure functions that the role vault_server decides with."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._node import paths, volume_plan
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import machines, taken_over


def machines_said(names, hostvars):
    """Of each host at whose machine vault_server's entry point machine has looked in this run."""
    looked = {name: (hostvars[name].get("__vault_server_machine") or {}).get("machine") for name in names}
    return [line for name, machine in looked.items() if machine for line in machines.said(machine, name)]


class FilterModule:
    def filters(self):
        return {
            "machine_problems": machines.problems,
            "machine_said": machines.said,
            "machines_said": machines_said,
            "node_volumes": volume_plan.wanted,
            "path_problems": paths.problems,
            "takeover": taken_over.compare,
        }
