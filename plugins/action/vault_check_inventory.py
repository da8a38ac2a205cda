# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an inventory lacks, what nobody understands of it, and what the controller lacks: see the module of this name."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._plan.known_inputs import no_hosts
from ..module_utils._plan.parts import tags_problem

# The last is for all tasks that follow.
from ..plugin_utils import controller, known_inputs, preload  # noqa: F401  # pylint: disable=unused-import

COLLECTION = pathlib.Path(__file__).parents[2]


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        names = {"type": "list", "elements": "str", "default": []}
        _spec, options = self.validate_argument_spec({"groups": names, "parts": names})
        said = next(filter(None, self._problems(options["groups"], options["parts"], task_vars or {})), "")
        return {**result, "changed": False, "failed": bool(said), "msg": said}

    def _problems(self, groups: list[str], parts: list[str], variables: dict[str, t.Any]) -> t.Iterator[str]:
        yield tags_problem(variables["ansible_run_tags"], variables["ansible_skip_tags"], parts)
        yield no_hosts(groups, variables["groups"], variables.get("ansible_inventory_sources") or [])
        # Modules on the controller run by the Python that runs Ansible, unless somebody told them of another.
        own = self._templar.template(variables.get("ansible_python_interpreter"))
        if own in (None, variables["ansible_playbook_python"]):
            yield controller.missing_on_controller(str(COLLECTION / "meta" / "requirements.txt"))
        yield " ".join(known_inputs.unknown_inputs(variables["hostvars"], variables["groups"], COLLECTION / "roles"))
