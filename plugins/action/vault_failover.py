# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stop the active node while the controller asks all nodes, and start it again: see the module of this name.

One process sees all of it, by one clock. So the node's part is run from here, in the middle.
"""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ..module_utils._common.errors import Problem
from ..module_utils._vault.client import AUTH_SPEC, CONNECTION_SPEC, Cluster, Connection
from ..module_utils._vault.failover.watch import Watch

PAUSE = "vaultops.cluster.vault_pause"
OPTIONS: dict[str, t.Any] = {
    **CONNECTION_SPEC,
    **AUTH_SPEC,
    "node": {"type": "str", "required": True},
    "node_id": {"type": "str", "required": True},
    "peers": {"type": "dict", "required": True},
    "kind": {"type": "str", "choices": ["graceful", "crash"], "default": "graceful"},
    "leader_timeout": {"type": "int", "default": 30},
    "rejoin_timeout": {"type": "int", "default": 120},
    "node_tls_server_name": {"type": "str", "required": True},
    "node_ca_cert": {"type": "path", "default": "/etc/vault.d/tls/ca.crt"},
    "service": {"type": "str", "default": "vault"},
}
# Longer than the run itself waits: this starts the node only where nobody else does.
BACK_LATER_SECONDS = 90


class Untouched(Problem):
    """The node was not stopped."""


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _spec, options = self.validate_argument_spec(argument_spec=OPTIONS)
        if self._task.check_mode:
            return {**result, "changed": True}
        # As for a module on the controller: paths may be relative to the playbook.
        with contextlib.chdir(self._loader.get_basedir()):
            try:
                return {**result, "changed": True, **self._measured(options, task_vars or {})}
            except Problem as error:
                return {**result, "failed": True, "msg": str(error)}

    def _measured(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        node = options["node"]
        said: dict[str, t.Any] = {
            "stopped": node,
            "acknowledged": 0,
            "leader": None,
            "leader_seconds": None,
            "write_seconds": None,
            "lost": None,
            "unsealed_seconds": None,
            "rejoined_seconds": None,
            "problem": None,
        }
        try:
            with Watch(Cluster(Connection.from_params(options)), node) as watch:
                self._rehearse(watch, options, variables, said)
        except Untouched:
            raise
        except Problem as error:
            if not said["acknowledged"]:
                raise
            # The node was stopped by then, and that is to be told.
            said["problem"] = said["problem"] or str(error)
        return said

    def _rehearse(
        self, watch: Watch, options: dict[str, t.Any], variables: dict[str, t.Any], said: dict[str, t.Any]
    ) -> None:
        others = {name: url for name, url in options["nodes"].items() if name != options["node"]}
        stopping = {
            "state": "paused",
            "kind": options["kind"],
            "back_after": options["leader_timeout"] + BACK_LATER_SECONDS,
            "service": options["service"],
            "url": options["nodes"][options["node"]],
            "others": others,
            "voters": len(options["nodes"]),
            "ca_cert": options["node_ca_cert"],
            "tls_server_name": options["node_tls_server_name"],
        }
        try:
            stopped = self._node(stopping, variables)
            if stopped.get("failed"):
                raise Untouched(str(stopped.get("msg")))
            said |= watch.first_write(options["leader_timeout"])
            said["acknowledged"] = watch.seen[options["node"]].acks
            if said["leader"] is None:
                said["problem"] = (
                    f"No other node was the active one within {options['leader_timeout']} s. {options['node']} was started again."
                )
            elif said["write_seconds"] is None:
                said["problem"] = f"{said['leader']} acknowledged no write within {options['leader_timeout']} s."
            else:
                said["lost"] = watch.lost(said["leader"])
        finally:
            began = time.monotonic()
            resumed = self._node({"state": "resumed", "service": options["service"]}, variables)
        if resumed.get("failed"):
            raise Problem(
                f"{options['node']} could not be started again: {resumed.get('msg')}",
                f"The node starts Vault by itself within {stopping['back_after']} s after it was stopped.",
            )
        said["unsealed_seconds"], said["rejoined_seconds"], missing = watch.rejoin(
            options["node_id"], options["peers"], began, options["rejoin_timeout"]
        )
        if missing:
            said["problem"] = said["problem"] or (
                f"{options['node']} was no healthy voter again within {options['rejoin_timeout']} s: {missing.rstrip('.')}."
            )

    def _node(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """A node that can't be reached has said so."""
        try:
            said: dict[str, t.Any] = self._execute_module(module_name=PAUSE, module_args=options, task_vars=variables)
        except AnsibleConnectionFailure as error:
            return {"failed": True, "msg": str(error)}
        return said
