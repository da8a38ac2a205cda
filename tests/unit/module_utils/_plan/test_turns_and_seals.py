"""What follows from the nodes' standings: whose data is missed, which seal is in use, whose turn comes when."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import standing

NODES = [{"name": f"vault-{n}", "node_id": f"id-{n}"} for n in (1, 2, 3)]


def standings(*words):
    return {f"vault-{n}": word for n, word in enumerate(words, 1)}


def peers(*voters):
    return [{"node_id": f"id-{n}", "voter": n in voters} for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("words", "voters", "named", "expected"),
    [
        (("serving", "serving", "empty"), (1, 2, 3), [], ["id-3"]),
        (("serving", "uninitialized", "empty"), (1, 2, 3), [], ["id-2", "id-3"]),
        (("serving", "stopped", "other"), (1, 2, 3), [], []),
        # No voter yet: it joins for the first time.
        (("serving", "serving", "empty"), (1, 2), [], []),
        (("serving", "empty", "empty"), (1, 2, 3), "id-2", ["id-3"]),
        (("serving", "empty", "empty"), (1, 2, 3), "id-2,id-3", []),
        (("serving", "empty", "empty"), (1, 2, 3), ["id-3"], ["id-2"]),
        # Named as the cluster knows it, and not as the inventory does.
        (("serving", "serving", "empty"), (1, 2, 3), "vault-3", ["id-3"]),
    ],
)
def test_a_voter_without_its_data_is_missed_unless_it_is_named(words, voters, named, expected):
    assert standing.forgetful_voters(NODES, standings(*words), peers(*voters), named) == expected


def test_a_node_that_was_not_looked_at_is_not_known_to_have_lost_anything():
    assert standing.forgetful_voters(NODES, {}, peers(1, 2, 3), "") == []


def seals(*keys):
    return {
        f"vault-{n}": {"configured": {"kms_key_id": key, "region": region}} for n, (key, region) in enumerate(keys, 1)
    }


@pytest.mark.parametrize("word", ["serving", "other", "stopped"])
def test_nodes_with_data_say_which_key_they_are_sealed_with(word):
    seen = seals(("alias/vault", "eu-west-1"), ("alias/new", "eu-west-1"), (None, None))
    assert standing.seal_in_use(seen, standings(word, "empty", word)) == {
        "key_id": "alias/vault",
        "region": "eu-west-1",
    }


def test_a_region_that_is_not_said_is_none_of_another_name():
    seen = seals(("alias/vault", None), ("alias/vault", None))
    assert standing.seal_in_use(seen, standings("serving", "serving")) == {"key_id": "alias/vault", "region": ""}


@pytest.mark.parametrize(
    "seen",
    [
        seals((None, None), (None, None)),
        seals(("alias/vault", "eu-west-1"), ("alias/other", "eu-west-1")),
        seals(("alias/vault", "eu-west-1"), ("alias/vault", "eu-north-1")),
    ],
)
def test_none_is_in_use_where_the_nodes_name_none_or_several(seen):
    assert standing.seal_in_use(seen, standings("serving", "serving")) == {}


def test_an_empty_node_has_no_seal_whatever_its_file_says():
    assert standing.seal_in_use(seals(("alias/vault", "eu-west-1")), standings("uninitialized")) == {}


@pytest.mark.parametrize(
    ("wants", "active", "expected"),
    [
        ({"a": True, "b": True, "c": True}, "a", ["b", "c", "a"]),
        ({"a": True, "b": True, "c": True}, "b", ["a", "c", "b"]),
        ({"a": True, "b": True, "c": True}, None, ["a", "b", "c"]),
        ({"a": True, "b": False}, "a", ["a"]),
        ({}, "a", []),
    ],
)
def test_the_active_node_has_the_last_turn(wants, active, expected):
    assert standing.turns(["a", "b", "c"], wants, active) == expected


def machine(runs, data):
    service = {"main_pid": 7 if runs else None, "active_state": "active" if runs else "inactive"}
    return {"service": service, "processes": [], "outside": [], "listens": runs, "has_data": data}


def test_without_the_ca_what_is_on_each_machine_is_said():
    seen = {
        "vault-1": machine(True, True),
        "vault-2": machine(False, True),
        "vault-3": machine(True, False),
        "vault-4": machine(False, False),
        "vault-5": {"unreachable": True},
    }
    status = {
        "nodes": [{"name": name, "url": "", "state": "unreachable", "initialized": None, "error": ""} for name in seen]
    }
    wanted = {"cluster_name": "prod", "version": "", "trusted": [], "signed": list(seen), "ca_file": "/srv/ca.crt"}
    wanted["flavour"] = "vault"
    said = standing.stand([], status, seen, wanted)["problems"]
    assert len(said) == 1
    there = (
        "vault-1 (Vault runs, with data), vault-2 (Vault is stopped, with data), vault-3 (Vault runs, without data)."
    )
    assert f"a cluster exists: {there}" in said[0]
