"""Which playbooks are refused with OpenBao, and that docs/openbao.md names them all."""

from __future__ import annotations

import re

import yaml
from kit.paths import ROOT

PLAYBOOKS = ROOT / "playbooks"
REFUSAL = {"name": "vaultops.cluster.vault_cluster", "tasks_from": "vault_alone"}


def first_task(name):
    """What a playbook does first with a cluster: in its file of tasks, or in a play of its own."""
    file = PLAYBOOKS / "tasks" / name / "read.yml"
    if file.exists():
        return yaml.safe_load(file.read_text())[0]
    plays = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())
    return next((play["tasks"][0] for play in plays if play.get("tasks")), {})


def test_the_page_names_who_is_refused_before_anything_else_is_done():
    names = [path.stem for path in PLAYBOOKS.glob("*.yml")]
    refused = {name for name in names if first_task(name).get("ansible.builtin.import_role") == REFUSAL}
    points = (ROOT / "docs" / "openbao.md").read_text().split("\n- ")
    listed = next(point for point in points if point.startswith("`regain_admin.yml`")).partition(". ")[0]
    assert "adopt_seal" in refused
    assert refused == set(re.findall(r"`(\w+)\.yml`", listed))
