"""Whom the guard of the metadata service is to let through, by the parts of a run.

Who is not there yet is let through by the part that makes him, and no other part plans to.
"""

from __future__ import annotations

import itertools

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import parts
from kit.paths import ROOT
from kit.templates import trusted

GUARD = "the guard of the metadata service"
USERS = ["vault", "vault-backup", "ec2-instance-connect"]
BEFORE = {"vault": {}}
AFTER = {"vault": {}, "vault-backup": {}}


def variables_of(role: str) -> dict:
    return yaml.safe_load((ROOT / "roles" / role / "vars" / "main.yml").read_text())


def todo(tags, users, takes_snapshots=True, guard=True, **seen) -> dict[str, list[str]]:
    """What plan.yml keeps of the guard and of the tool, which would be made where its user is missing."""
    metadata = {"users": USERS, "there": True, "changed": False, "guarded": True, "reason": "", **seen}
    known = {
        **{
            name: trusted(value)
            for role in ("vault_metadata", "vault_site")
            for name, value in variables_of(role).items()
        },
        # Filters of a collection are not known here.
        "vault_site_parts": parts.chosen(tags),
        "inventory_hostname": "vault-1",
        "vault_uses_tool": takes_snapshots,
        "vault_metadata_guard": guard,
        "vault_metadata_users": USERS,
        "vault_server_found": {"users": users, "metadata": metadata},
        "vault_install_todo": [],
        "vault_tls_todo": [],
        "vault_server_todo": [],
        "vault_server_volumes_todo": [],
        "vault_backup_todo": ["vault-backup"] if takes_snapshots and "vault-backup" not in users else [],
    }
    plan = yaml.safe_load((ROOT / "roles" / "vault_site" / "tasks" / "plan.yml").read_text())
    (kept,) = [task["vars"]["__todo"] for task in plan if "__todo" in task.get("vars", {})]
    return Templar(loader=DataLoader(), variables=known).template(trusted(kept))


@pytest.mark.parametrize("tags", [["configure"], ["tls"], ["preflight"], ["configure", "cluster"]])
def test_a_run_that_does_not_make_the_tools_user_does_not_plan_to_let_it_through(tags):
    found = todo(tags, BEFORE)
    assert found["metadata"] == []
    assert found["backup"] == ["vault-backup", GUARD], "it is left out, and said to be"


@pytest.mark.parametrize("tags", [["all"], ["backup"], ["configure", "backup"]])
def test_a_run_that_makes_it_does(tags):
    assert todo(tags, BEFORE)["metadata"] == [GUARD]


@pytest.mark.parametrize(
    ("why", "more"),
    [
        ("it is there", {"users": AFTER}),
        ("nobody takes snapshots", {"takes_snapshots": False}),
        ("the node can't have a guard", {"reason": "nft is not installed."}),
        ("there is to be no guard", {"guard": False, "there": False}),
    ],
)
def test_where_there_is_nobody_to_let_through_no_run_plans_it(why, more):
    for tags in (["all"], ["backup"], ["configure"]):
        found = todo(tags, **{"users": BEFORE, **more})
        assert GUARD not in [*found["metadata"], *found["backup"]], why


def test_what_differs_of_the_guard_itself_is_always_planned():
    for users, tags in itertools.product((BEFORE, AFTER), (["all"], ["configure"], ["backup"])):
        assert todo(tags, users, changed=True)["metadata"] == [GUARD]
    assert todo(["configure"], AFTER, guard=False)["metadata"] == [GUARD]
