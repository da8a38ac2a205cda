"""A recovery is planned only where no sign of life speaks against it, and the plan says what may be lost."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs, quorum

NAMES = ("vault-1", "vault-2", "vault-3", "vault-4", "vault-5")
HOSTS = inputs.nodes(list(NAMES), {name: {"vault_address": f"10.0.1.{n}"} for n, name in enumerate(NAMES, 10)})
LOST = ("vault-2", "vault-3")


def answer(name, state="unreachable", **more):
    silent = state == "unreachable"
    return {
        "name": name,
        "url": f"https://{name}:8200",
        "state": state,
        "initialized": None if silent else state != "uninitialized",
        "cluster_id": None if silent or state in ("sealed", "uninitialized") else "one",
        "leader_address": None,
        "raft_index": None if silent else 2828,
        "reach": "timeout" if silent else "answered",
        **more,
    }


def planned(hosts=3, lost=LOST, standings=None, machines=None, listening=None, **answers):
    """*answers*: by name with '_' for '-', a state or the changes of an answer. vault-1 is isolated unless said otherwise."""
    given = {"vault-1": "isolated", **{name.replace("_", "-"): said for name, said in answers.items()}}
    nodes = []
    for node in HOSTS[:hosts]:
        said = given.get(node["name"], "unreachable")
        nodes.append(answer(node["name"], **said) if isinstance(said, dict) else answer(node["name"], said))
    left = [node["name"] for node in HOSTS[:hosts] if node["node_id"] not in lost]
    seen = {
        "standings": {**dict.fromkeys(left, "other"), **(standings or {})},
        "lost": machines or {},
        "listening": listening or {},
    }
    return quorum.plan(HOSTS[:hosts], lost, {"nodes": nodes}, seen)


def test_one_of_three_is_left():
    assert planned() == {
        "problems": [],
        "leads": None,
        "peers": [{"id": "vault-1", "address": "10.0.1.10:8201"}],
        "fence": [],
        "unreached": ["vault-2", "vault-3"],
    }


def test_half_of_the_nodes_are_no_quorum():
    assert planned(hosts=4, vault_4="isolated")["problems"] == []


def test_a_standby_that_names_no_leader_hears_none():
    assert planned(vault_1="standby")["problems"] == []


def test_all_that_are_left_are_peers():
    made = planned(hosts=5, lost=["vault-2", "vault-3", "vault-5"], vault_4="isolated")
    assert made["problems"] == []
    assert [peer["id"] for peer in made["peers"]] == ["vault-1", "vault-4"]


def test_who_is_not_in_the_inventory_any_more_counts_as_a_voter():
    """Machines that were terminated have left an EC2 inventory: one host of what were three."""
    made = planned(hosts=1)
    assert made["problems"] == []
    assert made["unreached"] == list(LOST)


@pytest.mark.parametrize("leader", ["vault_1", "vault_2"])
def test_where_a_node_leads_nothing_is_to_be_done(leader):
    made = planned(**{leader: "active"}, machines={"vault-3": {"service": {}, "has_data": True}})
    assert (made["problems"], made["leads"], made["peers"]) == ([], leader.replace("_", "-"), [])
    assert quorum.in_words(made, HOSTS[:3], {"nodes": []}, {})["changes"] is False


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ({"lost": []}, "-e vault_lost=NODE_ID"),
        ({"lost": ["vault-3"], "vault_2": "isolated"}, "vault-1, vault-2 are not named as lost, and are a quorum of 3"),
        (
            {"lost": ["vault-1", *LOST]},
            "Every node is named as lost, so there is nothing to recover from. playbooks/restore.yml",
        ),
        ({"hosts": 5, "vault_4": "isolated", "vault_5": "isolated"}, "are a quorum of 5"),
        ({"machines": {"vault-2": {"service": {}, "has_data": True}}}, "its machine is reached and holds Raft data"),
        ({"vault_3": {"reach": "tls"}}, "something answers at https://vault-3:8200"),
        ({"vault_3": "sealed"}, "something answers at https://vault-3:8200"),
        ({"vault_3": {"reach": "broken"}}, "something answers at https://vault-3:8200"),
        ({"listening": {"vault-1": ["10.0.1.12:8201"]}}, "vault-1 can connect to 10.0.1.12:8201"),
        ({"standings": {"vault-1": "empty"}}, "vault-1 holds no data, so there is nothing to recover from"),
        ({"vault_1": "sealed"}, "vault-1 is sealed"),
        ({"vault_1": "removed"}, "vault-1 was removed from the cluster"),
        (
            {"vault_1": {"state": "standby", "leader_address": "https://10.0.1.11:8200"}},
            "hears a leader (https://10.0.1.11:8200)",
        ),
    ],
)
def test_what_speaks_against_it(case, says):
    (problem,) = planned(**case)["problems"]
    assert says in problem


def test_one_without_data_among_those_that_are_left_is_lost_too():
    lost = ["vault-2", "vault-3", "vault-4"]
    made = planned(hosts=5, lost=lost, vault_5="uninitialized", standings={"vault-5": "uninitialized"})
    (problem,) = made["problems"]
    assert "vault-5 holds no data: name it in vault_lost too" in problem


def test_nodes_of_different_clusters_are_no_cluster():
    made = planned(hosts=5, lost=["vault-2", "vault-3", "vault-5"], vault_4={"state": "isolated", "cluster_id": "two"})
    (problem,) = made["problems"]
    assert "different clusters (one, two)" in problem


def test_a_lost_machine_that_is_reached_and_empty_is_kept_from_starting():
    made = planned(machines={"vault-2": {"service": {}, "has_data": False}})
    assert (made["problems"], made["fence"], made["unreached"]) == ([], ["vault-2"], ["vault-3"])


def test_one_that_says_itself_that_it_holds_nothing_is_left_alone():
    """Vault makes its database before anything is in it."""
    made = planned(machines={"vault-2": {"service": {}, "has_data": True}}, vault_2="uninitialized")
    assert (made["problems"], made["fence"], made["unreached"]) == ([], [], ["vault-3"])


NOW = 1_800_000_000.0


def in_words(made, index=2828, confirmed=True, newest=None, unread="", flavour="vault"):
    about = {
        "cluster": "prod",
        "confirmed": confirmed,
        "copies": {"vault-1": {"copy": "/opt/vault/data-before-recovery-1", "written_at": NOW - 120}},
        "snapshot": newest or {},
        "unread": unread,
        "flavour": flavour,
        "now": NOW,
    }
    said = quorum.in_words(made, HOSTS[:3], {"nodes": [answer("vault-1", "isolated", raft_index=index)]}, about)
    assert said["changes"] is True
    return said["lines"]


def newest(index, age):
    return {"name": "prod-1.snap.enc", "raft_index": index, "age_seconds": age}


def test_the_plan_names_each_step_and_what_may_be_lost():
    lines = in_words(planned(), confirmed=False)
    text = "\n".join(lines)
    assert "vault-2, vault-3: can't be reached, so it is your word" in text
    assert (
        "vault-1: Vault is stopped. All of its data up to Raft index 2828, last written 2 minutes ago, is copied to"
        in text
    )
    assert "writes that only the lost nodes had confirmed" in text and "writes that no quorum had confirmed" in text
    assert lines[-1] == "All this only with -e vault_recover_confirm=prod, which was not given."


@pytest.mark.parametrize(
    ("index", "snapshot", "better"),
    [
        (2828, newest(2828, 60), True),
        (2828, newest(2800, 60), False),
        # Of a node that is stopped the index is not known, and when it last took an entry is.
        (None, newest(2800, 60), True),
        (None, newest(2800, 3600), False),
    ],
)
def test_a_snapshot_that_is_not_older_is_the_better_way(index, snapshot, better):
    said = in_words(planned(), index, newest=snapshot)[0]
    assert ("Restoring it is the better way" in said) is better
    assert ("28 entries before vault-1" in said) is (not better and index is not None)


def test_a_bucket_that_can_not_be_read_is_said():
    assert in_words(planned(), unread="no credentials")[0].endswith("could not be seen: no credentials.")


def test_of_openbao_no_step_says_vault():
    made = planned(machines={"vault-2": {"service": {}, "has_data": False}})
    text = "\n".join(in_words(made, flavour="openbao"))
    assert (
        "vault-1: OpenBao is stopped." in text and "vault-2: its machine is reached, and holds no data. OpenBao" in text
    )
    assert "a file tells OpenBao that it is the whole cluster, and OpenBao is started" in text
    assert "Vault" not in text
