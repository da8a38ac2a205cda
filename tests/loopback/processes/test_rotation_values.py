"""When the timer that looks at audit files is out of line, and when it goes: by the role's own variables, in Ansible."""

from __future__ import annotations

import pytest
from kit.playbook import in_line, run_play
from kit.templates import BASE, INPUTS, ROLE

FOLDER = "/etc/systemd/system"
UNITS = [f"{FOLDER}/vaultops-logrotate.service", f"{FOLDER}/vaultops-logrotate.timer"]
JOURNAL_ALONE = {"vault_audit_devices": {"journal": {"type": "file", "options": {"file_path": "stdout"}}}}
GOES, OUT_OF_LINE = "__vault_server_removed", "__vault_server_timer_out_of_line"


def seen(paths):
    return {"vault_server_seen": {"paths": {path: {} for path in paths}, "units": {}}}


CASES = {
    "nobody looked": (OUT_OF_LINE, {"vault_server_seen": {}}, []),
    "both go where there is no audit file": (GOES, {**JOURNAL_ALONE, **seen(UNITS)}, UNITS),
    "one that is left goes": (GOES, {**JOURNAL_ALONE, **seen(UNITS[1:])}, UNITS[1:]),
    "what is not there does not go": (GOES, {**JOURNAL_ALONE, **seen([])}, []),
    "nothing goes where nobody looked": (GOES, {**JOURNAL_ALONE, "vault_server_seen": {}}, []),
    "without an audit file there is no line to be out of": (OUT_OF_LINE, {**JOURNAL_ALONE, **seen(UNITS)}, []),
    "with one they stay": (GOES, seen(UNITS), []),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """One run for all of them."""
    files = [INPUTS, ROLE / "defaults" / "main.yml", ROLE / "vars" / "main.yml"]
    tasks = [
        {
            "name": f"is it so that {case}",
            "ansible.builtin.assert": {"that": f"{name} == {expected}", "fail_msg": f"{{{{ {name} }}}}", "quiet": True},
            "vars": given,
            "ignore_errors": True,
        }
        for case, (name, given, expected) in CASES.items()
    ]
    play = {
        "name": "Values of a role",
        "hosts": "localhost",
        "gather_facts": False,
        "vars": BASE,
        "vars_files": [str(path) for path in files],
        "tasks": tasks,
    }
    return in_line(run_play(tmp_path_factory.mktemp("values"), play))


@pytest.mark.parametrize("case", CASES)
def test_it_is_so(found, case):
    _before, _title, after = found.partition(f"TASK [is it so that {case}]")
    assert after.split("TASK [")[0].strip(" *").startswith("ok: [localhost]"), after[:500]
