"""A task that is skipped registers that it was: what an earlier one has found is gone."""

from __future__ import annotations

import pytest
import yaml
from kit.paths import ROOT

TASKS = sorted(ROOT.glob("roles/*/tasks/*.yml"))
# The first look at a cluster: where nobody leads it finds nothing, and nothing was found before.
KNOWN = {("vault_cluster", "preflight", "read_cluster")}


@pytest.mark.parametrize("path", TASKS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_what_is_looked_at_twice_is_looked_at_by_what_is_included(path):
    """A file that is brought in under a condition, and by another file of the role as well, is included."""
    for task in yaml.safe_load(path.read_text()) or []:
        name = task.get("ansible.builtin.import_tasks", "").removesuffix(".yml")
        if not name or "when" not in task or (path.parts[-3], path.stem, name) in KNOWN:
            continue
        brought_in = path.with_name(f"{name}.yml").read_text()
        others = [one for one in path.parent.glob("*.yml") if one != path and f"tasks: {name}.yml" in one.read_text()]
        assert not others or "register: vault_" not in brought_in, name
