"""Which nodes join, which leave, in which order, and what forbids it."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs, replace

VERSION = "1.21.1"


def node(number, address=None):
    return inputs.nodes([f"vault-{number}"], {f"vault-{number}": {"vault_address": address or f"10.0.0.{number}"}})[0]


def planned(target, *leaving, dead=(), fresh=(), accept=False, states=None, active="vault-1", voters=(1, 2, 3), **own):
    """*voters* of the cluster as it is, of which *dead* are not healthy; *fresh* do not run yet."""
    hosts = sorted({*own.get("hosts", voters), *(int(n["name"][-1]) for n in target)})
    status = {
        "cluster": {"state": own.get("state", "live"), "active": active, "reason": "a: b"},
        "nodes": [
            {
                "name": f"vault-{number}",
                "state": (states or {}).get(number)
                or ("unreachable" if number in (*dead, *fresh) else "active" if number == 1 else "standby"),
                "version": own.get("running", VERSION),
                "leader_address": own.get("leader_address"),
            }
            for number in hosts
        ],
    }
    servers = [
        {
            "node_id": f"vault-{number}",
            "address": f"10.0.0.{number}:8201",
            "voter": number not in own.get("non_voters", ()),
            "leader": number == 1,
            "healthy": number not in dead,
        }
        for number in voters
    ]
    return replace.plan(
        status, {"raft": {"servers": servers}}, target, list(leaving), VERSION, accept, own.get("flavour", "vault")
    )


def test_nothing_to_do():
    plan = planned([node(1), node(2), node(3)])
    assert plan["problems"] == plan["steps"] == []


def test_three_become_five():
    plan = planned([node(n) for n in (1, 2, 3, 4, 5)], fresh=(4, 5))
    assert plan["joining"] == ["vault-4", "vault-5"]
    assert plan["remove_first"] == plan["remove_last"] == []


def test_five_become_three_the_leader_among_those_that_leave():
    plan = planned([node(n) for n in (2, 3, 4)], "vault-1", "vault-5", voters=(1, 2, 3, 4, 5))
    assert plan["remove_last"] == ["vault-1", "vault-5"]
    assert "hands the leadership over" in plan["steps"][0]


@pytest.mark.parametrize("dead", [(), (2,)])
def test_the_new_node_joins_before_the_old_one_goes(dead):
    plan = planned([node(1), node(3), node(4)], "vault-2", fresh=(4,), dead=dead)
    assert (plan["joining"], plan["remove_first"], plan["remove_last"]) == (["vault-4"], [], ["vault-2"])
    assert [step.split(":")[0] for step in plan["steps"]] == ["vault-4", "vault-2"]


def test_a_dead_node_goes_first_where_its_address_is_taken_again():
    plan = planned([node(1), node(3), node(4, "10.0.0.2")], "vault-2", fresh=(4,), dead=(2,))
    assert (plan["joining"], plan["remove_first"], plan["remove_last"]) == (["vault-4"], ["vault-2"], [])


def test_a_run_that_was_cut_short_goes_on():
    for state in ("standby", "sealed", "isolated"):
        half = planned([node(1), node(3), node(4)], "vault-2", voters=(1, 2, 3, 4), non_voters=(4,), states={4: state})
        assert (half["joining"], half["remove_last"]) == (["vault-4"], ["vault-2"])
    joined = planned([node(1), node(3), node(4)], "vault-2", voters=(1, 2, 3, 4))
    assert (joined["joining"], joined["remove_last"]) == ([], ["vault-2"])
    # The one that left is in the inventory still.
    gone = planned([node(1), node(3), node(4)], "vault-2", voters=(1, 3, 4), hosts=(2,))
    assert gone["steps"] == gone["problems"] == []


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        (([node(1), node(3), node(4)],), {"fresh": (4,)}, "To remove it: -e vault_leaving=vault-2"),
        (([node(1), node(3)], "vault-2"), {}, "would have 2 voters, which tolerate no failure"),
        (([node(1), node(2), node(3), node(4)],), {"fresh": (4,)}, "4 voters, which tolerate no more failures than 3"),
        (
            ([node(1), node(2), node(3), node(4), node(5)],),
            {"fresh": (4, 5), "dead": (2,)},
            "vault-2 stays, and is not well",
        ),
        (
            ([node(1), node(3), node(4, "10.0.0.2")], "vault-2"),
            {"fresh": (4,)},
            "the address of vault-2, which is alive",
        ),
        # It answers, and autopilot does not count on it.
        (([node(1), node(2), node(3)],), {"dead": (2,), "states": {2: "standby"}}, "not healthy to autopilot"),
        (([node(1), node(2), node(3, "10.0.0.9")],), {}, "A new machine wants a new node id"),
        (
            ([node(1), node(3), node(4)], "vault-2"),
            {"states": {4: "removed"}},
            "vault-4 can't join as it is: it is removed",
        ),
        (
            ([node(1), node(3), node(4)], "vault-2"),
            {"states": {4: "sealed"}},
            "vault-4 can't join as it is: it is sealed",
        ),
        (
            ([node(1), node(2), node(3), node(4, "10.0.0.2"), node(5)],),
            {"fresh": (4, 5)},
            "vault-4 has the address of the peer vault-2",
        ),
        (([node(1), node(2), node(3)],), {"active": None}, "Without a quorum no peer can be added or removed"),
        (
            ([node(2), node(3), node(4)], "vault-1"),
            {"active": None, "leader_address": "https://10.0.0.1:8200"},
            "leave it in the inventory until it is removed",
        ),
        (([node(1), node(2), node(3)],), {"running": "1.21.0"}, "finish the upgrade first"),
        (([node(1), node(2), node(3)],), {"state": "split"}, "are not one cluster"),
        (([node(1), node(2), node(3)], "vault-33"), {}, "The nearest peer is vault-3."),
        (([node(1), node(2), node(3)], "vault-33"), {}, "run without vault_leaving"),
        (([node(1), node(2), node(3)], 5), {}, "vault_leaving names 5, which is no peer of the cluster"),
        (
            ([node(1), node(2), node(3)], "vault-4", "vault-55"),
            {"voters": (1, 2, 3, 4)},
            "run with -e vault_leaving=vault-4",
        ),
        (
            ([node(1), node(2), node(3)], "vault-4", "vault-4"),
            {"voters": (1, 2, 3, 4)},
            "vault-4 is named twice in vault_leaving",
        ),
    ],
)
def test_what_forbids_it(arguments, options, says):
    plan = planned(*arguments, **options)
    assert any(says in problem for problem in plan["problems"]), plan["problems"]
    assert plan["joining"] == plan["remove_first"] == plan["remove_last"] == plan["steps"] == []


def test_lost_tolerance_can_be_confirmed():
    assert planned([node(1), node(3)], "vault-2", accept=True)["remove_last"] == ["vault-2"]


def test_of_openbao_no_problem_says_vault():
    target = [node(1), node(2), node(4, "10.0.0.3")]
    said = [
        *planned(target, running="2.6.1", flavour="openbao")["problems"],
        *planned(target, "vault-3", fresh=(4,), flavour="openbao")["problems"],
    ]
    assert said[0].startswith("The cluster runs OpenBao 2.6.1, and vault_version is 1.21.1.")
    assert "which is alive. Stop OpenBao on it" in said[1] and "Vault" not in " ".join(said)
