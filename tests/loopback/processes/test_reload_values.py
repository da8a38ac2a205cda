"""What of a node that differs the role calls a reload, by its own variables and tasks, in Ansible."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._common import product
from ansible_collections.vaultops.cluster.plugins.module_utils._node import reloads
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import site_plan
from kit.playbook import in_line, run_play
from kit.templates import BASE, INPUTS, NODES, ROLE

HCL, RELOAD, UNIT = "/etc/vault.d/vault.hcl", "/etc/vault.d/reload.hcl", "/etc/systemd/system/vault.service"
TAKEN = f"{HCL} (what a reload brings into effect)"
OF_ITSELF = " (its owner, mode or SELinux type)"
TEXT = "# Made by vaultops.cluster.\nintrospection_endpoint = true\n"
ANOTHER = TEXT.replace("true", "false")
CASES = {
    "only what a reload takes differs": (ANOTHER, {}, [HCL], True, [TAKEN]),
    "and the other file too": (ANOTHER, {}, [HCL, RELOAD], True, [RELOAD, TAKEN]),
    "and the unit too": (ANOTHER, {}, [HCL, UNIT], False, [UNIT, TAKEN]),
    "and a restart is wanted anyway": (ANOTHER, {"restart_reasons": ["newer"]}, [HCL], False, [TAKEN, "newer"]),
    "and an earlier reload did not happen": (ANOTHER, {"reload_reasons": ["newer"]}, [HCL], True, [TAKEN, "newer"]),
    "something else differs": (f"{ANOTHER}ui = true\n", {}, [HCL], False, [HCL]),
    "an old release runs": (ANOTHER, {"running": "1.12.0"}, [HCL], False, [HCL]),
    "and of the unit the type": (ANOTHER, {"mended": [UNIT]}, [HCL, UNIT], True, [f"{UNIT}{OF_ITSELF}", TAKEN]),
    "of the unit the type alone differs": (TEXT, {"mended": [UNIT]}, [UNIT], True, [f"{UNIT}{OF_ITSELF}"]),
    "nothing differs": (TEXT, {}, [], False, []),
}


def test_the_plan_knows_the_words_of_the_role():
    assert TAKEN in site_plan.RELOAD_FILES and TAKEN not in site_plan.RESTART_FILES


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """One run for all of them."""
    files = [INPUTS, ROLE / "defaults" / "main.yml", ROLE / "vars" / "main.yml"]
    (keep,) = [
        task
        for task in yaml.safe_load((ROLE / "tasks" / "compare.yml").read_text())
        if "vault_server_only_reloads" in task.get("ansible.builtin.set_fact", {})
    ]
    tasks = []
    for case, (wanted, more, differing, only, todo) in CASES.items():
        running = more.get("running", "1.21.1")
        seen = {"running": running, "restart_reasons": [], "reload_reasons": [], **more}
        seen |= {"restart_parts": reloads.digests({HCL: TEXT}, product.told(running)), "paths": {}}
        known = {
            "vault_server_found": seen,
            "vault_server_seen": seen,
            "__vault_server_configured": {},
            "__vault_server_out_of_line": differing,
            "__vault_server_timer_out_of_line": [],
            "__vault_server_files": [{"path": HCL, "content": wanted, "vault_config": True}]
            if HCL in differing
            else [],
            "__vault_server_mended": more.get("mended", []),
        }
        tasks.append({**keep, "vars": {**known, **keep["vars"]}})
        check = f"vault_server_only_reloads == {only} and vault_server_todo == {todo}"
        said = "{{ vault_server_only_reloads }} {{ vault_server_todo }}"
        tasks.append(
            {
                "name": f"is it so that {case}",
                "ansible.builtin.assert": {"that": check, "fail_msg": said, "quiet": True},
                "vars": known,
                "ignore_errors": True,
            }
        )
    play = {"name": "Values", "hosts": "localhost", "gather_facts": False, "vars": {**BASE, "vault_node": NODES[0]}}
    play |= {"vars_files": [str(path) for path in files], "tasks": tasks}
    return in_line(run_play(tmp_path_factory.mktemp("values"), play))


@pytest.mark.parametrize("case", CASES)
def test_it_is_so(found, case):
    _before, _title, after = found.partition(f"TASK [is it so that {case}]")
    assert after.split("TASK [")[0].strip(" *").startswith("ok: [localhost]"), after[:800]
