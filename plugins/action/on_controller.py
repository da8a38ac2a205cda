# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module that is run on the controller is run in the process that Ansible has forked for its task.

Ansible would pack the module, and start a Python that imports hvac or boto3 anew: most of a second for a call of a tenth. A task
that is meant for another machine, user, Python or environment is run as any other, and so is every task before ansible-core
2.19. meta/runtime.yml says for which modules.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import typing as t
from unittest import mock

from ansible.module_utils import basic
from ansible.plugins.action.normal import ActionModule as Normal

try:
    from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder

    CAN_RUN_HERE = True
except ImportError:
    # Before ansible-core 2.19, a module's arguments and its answer go through the code that packs it.
    CAN_RUN_HERE = False

PROFILE = "legacy"


class ActionModule(Normal):
    def run(self, tmp: None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        variables = task_vars or {}
        if not CAN_RUN_HERE or self._task.async_val or not self._is_meant_for_here(variables):
            return super().run(tmp, variables)
        arguments = dict(self._task.args)
        self._update_module_args(self._task.action, arguments, variables)
        # Where Ansible would start it: paths may be relative to the playbook.
        with contextlib.chdir(self._loader.get_basedir()):
            # By its own name: a task may use another one, which leads there.
            result = run_here(self._task.resolved_action or self._task.action, arguments)
        return cleaned(result)

    def _is_meant_for_here(self, variables: dict[str, t.Any]) -> bool:
        if self._connection.transport != "local" or self._connection.become or any(self._task.environment or []):
            return False
        if self._task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(self._task.delegate_to, {})
        interpreter = self._templar.template(variables.get("ansible_python_interpreter"))
        return interpreter in (None, sys.executable, variables.get("ansible_playbook_python"))


def cleaned(result: dict[str, t.Any]) -> dict[str, t.Any]:
    """As Ansible hands on what a process said: without what is Ansible's own, and without lists of warnings that are empty."""
    shown = {name: value for name, value in result.items() if not name.startswith("_ansible_")}
    return {name: value for name, value in shown.items() if value or name not in ("warnings", "deprecations")}


def run_here(name: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """Call the main() of the module *name*, a whole name, and return what it says."""
    module = importlib.import_module("ansible_collections.{}.{}.plugins.modules.{}".format(*name.split(".")))
    encoder = get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, cls=encoder).encode()
    said = io.StringIO()
    with (
        mock.patch.multiple(basic, _ANSIBLE_ARGS=given, _ANSIBLE_PROFILE=PROFILE),
        contextlib.redirect_stdout(said),
        contextlib.suppress(SystemExit),
    ):
        module.main()
    return json.loads(said.getvalue(), cls=get_module_decoder(PROFILE, Direction.MODULE_TO_CONTROLLER))
