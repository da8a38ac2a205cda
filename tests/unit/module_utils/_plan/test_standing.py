"""A node is empty only when the machine itself says so; what runs or holds data has to have answered."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs, standing
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("vault-1", "vault-2", "vault-3")
NODES = inputs.nodes(list(NAMES), {name: {"vault_address": f"10.0.1.{n}"} for n, name in enumerate(NAMES, 10)})
WANTED = {
    "cluster_name": "prod",
    "version": "1.21.1",
    "trusted": ["aa"],
    "signed": [],
    "ca_file": "/srv/prod/tls/ca.crt",
    "ports": {"vault_api_port": 8200, "vault_cluster_port": 8201},
    "flavour": "vault",
    "by_id": False,
}
CONFIGURED = {"ours": True, "cluster_name": "prod", "node_id": None, "kms_key_id": None, "region": None, "data": []}


def machine(runs=False, data=False, **changes):
    """What vault_node_info returns of a machine."""
    service = {"main_pid": 7 if runs else None, "active_state": "active" if runs else "inactive"}
    return {
        "service": service,
        "processes": [7] if runs else [],
        "flavours": ["vault"] if runs else [],
        "outside": [],
        "listens": runs,
        "has_data": data,
        "trusted": ["aa"] if runs or data else [],
        "configured": CONFIGURED,
        "current": "1.21.1" if runs or data else None,
        **changes,
    }


def answer(name, state="unreachable", error="no connection (Connection refused)"):
    initialized = {"unreachable": None, "uninitialized": False}.get(state, True)
    return {
        "name": name,
        "url": f"https://{name}:8200",
        "state": state,
        "initialized": initialized,
        "error": f"{name}: {error}" if initialized is None else None,
    }


def stand(machines, states=("unreachable",) * 3, **wanted):
    status = {"nodes": [answer(name, state) for name, state in zip(NAMES, states, strict=True)]}
    return standing.stand(NODES, status, dict(zip(NAMES, machines, strict=True)), {**WANTED, **wanted})


def test_bare_machines_are_empty_with_and_without_a_ca():
    for trusted in (["aa"], []):
        found = stand([machine()] * 3, trusted=trusted)
        assert found == {"nodes": dict.fromkeys(NAMES, "empty"), "problems": [], "untouched": True}


VOLUME = "The volume for data, vol-0123456789abcdef0: /dev/nvme1n1 was in use, and is not mounted on /opt/vault/data."


@pytest.mark.parametrize(
    ("seen", "state", "stops"),
    [
        # What is on the volume nobody sees: the machine only looks empty.
        (machine(), "unreachable", True),
        (machine(False, True), "unreachable", True),
        (machine(True), "uninitialized", True),
        (machine(True, True), "standby", False),
        (machine(True, True), "sealed", False),
    ],
)
def test_a_machine_whose_volume_is_not_mounted_is_not_an_empty_one(seen, state, stops):
    serving = machine(True, True)
    broken = {**seen, "volumes": {"problems": [VOLUME], "todo": []}}
    found = stand([broken, serving, serving], (state, "active", "standby"))
    assert found["problems"] == ([f"vault-1: {VOLUME} Nothing was changed."] if stops else [])
    whole = {**seen, "volumes": {"problems": [], "todo": ["the volume is formatted"]}}
    assert stand([whole, serving, serving], (state, "active", "standby"))["problems"] == []


def test_a_cluster_that_serves():
    found = stand([machine(True, True)] * 3, ("active", "standby", "standby"))
    assert found == {"nodes": dict.fromkeys(NAMES, "serving"), "problems": [], "untouched": False}


@pytest.mark.parametrize(
    ("seen", "state", "expected"),
    [
        (machine(True), "uninitialized", "uninitialized"),
        # Vault makes its database before anything is in it.
        (machine(True, True), "uninitialized", "uninitialized"),
        (machine(True, True), "sealed", "other"),
        (machine(True, True), "removed", "other"),
        (machine(False, True), "unreachable", "stopped"),
        # A unit that KMS keeps from unsealing: it starts again and again, and nothing listens.
        (
            machine(False, True, service={"main_pid": 7, "active_state": "activating"}, processes=[7]),
            "unreachable",
            "stopped",
        ),
    ],
)
def test_what_a_node_is(seen, state, expected):
    found = stand([seen, machine(), machine()], (state, "unreachable", "unreachable"))
    assert found["problems"] == []
    assert found["nodes"]["vault-1"] == expected
    assert found["untouched"] == (expected in ("empty", "uninitialized"))


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (machine(True, True), "Vault runs on it (process 7), and this controller can't talk to it: no connection"),
        (machine(processes=[9], outside=[9]), "Vault runs on it (process 9, outside the unit 'vault')"),
        (machine(listens=True), "something listens on its Vault port"),
        (machine(False, True, trusted=["bb"]), "the CA that it trusts is not the one in /srv/prod/tls/ca.crt"),
        (machine(False, True, configured={**CONFIGURED, "cluster_name": "x"}), "has cluster_name x, where"),
        (machine(False, True, configured={**CONFIGURED, "node_id": "n9"}), "has node_id n9, where"),
        (machine(False, True, current="1.20.0"), "Raft data of Vault 1.20.0"),
        ({"unreachable": True}, "could not be read"),
    ],
)
def test_what_did_not_answer_stops_the_run_and_is_named(seen, says):
    found = stand([machine(), seen, machine()])
    assert len(found["problems"]) == 1
    assert says in found["problems"][0]
    assert "vault-2" in found["problems"][0]
    assert found["untouched"] is False


def test_an_expired_certificate_of_the_clusters_ca_is_an_answer():
    found = stand([machine(), machine(True, True), machine()], signed=["vault-2"])
    assert found["problems"] == []
    assert found["nodes"]["vault-2"] == "other"


def test_a_vault_that_runs_outside_of_its_unit_is_not_taken_over():
    found = stand(
        [machine(True, True), machine(True, True, outside=[7]), machine(True, True)], ("active", "standby", "standby")
    )
    assert found["problems"][0].startswith(
        "vault-2: Vault runs on it (process 7, outside the unit 'vault'). It would be neither"
    )


@pytest.mark.parametrize(
    ("node_id", "by_id", "trusted", "is_known"),
    [
        ("vault-2", True, [], True),
        ("vault-2", False, [], False),
        # Nothing says whose it is, or it is said to be another node.
        (None, True, [], False),
        ("vault-9", True, [], False),
        ("vault-9", True, ["aa"], False),
        (None, True, ["aa"], True),
    ],
)
def test_what_somebody_else_set_up_is_known_by_its_id_where_that_is_asked_for(node_id, by_id, trusted, is_known):
    seen = machine(False, True, trusted=trusted, configured={**CONFIGURED, "ours": False, "node_id": node_id})
    serving = machine(True, True)
    found = stand([serving, seen, serving], ("active", "unreachable", "standby"), by_id=by_id)
    assert (found["nodes"]["vault-2"], found["problems"] == []) == ("stopped", is_known)


@pytest.mark.parametrize(
    ("standings", "active", "named", "expected"),
    [
        (("stopped", "stopped", "empty"), None, [], ["vault-3"]),
        (("stopped", "stopped", "empty"), None, "vault-3", []),
        (("serving", "stopped", "empty"), "vault-1", [], []),
        (("empty", "empty", "empty"), None, [], []),
    ],
)
def test_a_disk_that_was_lost_while_nobody_leads(standings, active, named, expected):
    assert standing.forgotten(NODES, dict(zip(NAMES, standings, strict=True)), active, named) == expected


def test_an_answer_from_another_machine():
    found = stand([machine(), machine(), machine()], ("active", "unreachable", "unreachable"))
    assert "lead to different machines" in found["problems"][0]


@pytest.mark.parametrize("seen", [machine(True, True), machine(False, True), machine(True)])
def test_without_the_ca_nothing_that_exists_is_gone_on_with(seen):
    found = stand([machine(), seen, machine()], trusted=[])
    assert len(found["problems"]) == 1
    assert "There is no CA certificate in /srv/prod/tls/ca.crt on this controller" in found["problems"][0]
    assert "vault-2" in found["problems"][0]


MACHINES = st.fixed_dictionaries(
    {
        "service": st.fixed_dictionaries(
            {
                "main_pid": st.sampled_from([None, 7]),
                "active_state": st.sampled_from(["active", "activating", "failed"]),
            }
        ),
        "processes": st.sampled_from([[], [7], [8], [7, 8]]),
        "flavours": st.sampled_from([[], ["vault"], ["openbao"], ["vault", "openbao"]]),
        "outside": st.sampled_from([[], [8]]),
        "listens": st.booleans(),
        "has_data": st.booleans(),
        "trusted": st.sampled_from([[], ["aa"], ["bb"]]),
        "configured": st.just(CONFIGURED),
        "current": st.sampled_from([None, "1.21.1", "1.20.0"]),
    }
)
STATES = st.sampled_from(["active", "standby", "uninitialized", "sealed", "removed", "unreachable", "unknown"])


@given(st.lists(st.tuples(MACHINES, STATES), min_size=3, max_size=3), st.sampled_from([[], ["aa"]]))
def test_no_node_counts_as_empty_that_is_not_known_to_be(seen, trusted):
    machines, states = zip(*seen, strict=True)
    found = stand(machines, states, trusted=trusted)
    for name, here, state in zip(NAMES, machines, states, strict=True):
        something = here["has_data"] or here["listens"] or here["outside"]
        if something and state == "unreachable":
            assert found["nodes"][name] not in ("empty", "uninitialized", "serving")
        if found["nodes"][name] == "uninitialized":
            assert state == "uninitialized"
    if found["untouched"]:
        assert not any(
            here["has_data"] for here, state in zip(machines, states, strict=True) if state != "uninitialized"
        )
        assert set(found["nodes"].values()) <= {"empty", "uninitialized"}
    if not trusted and any(here["has_data"] for here in machines):
        assert found["problems"]


def test_every_combination_has_a_word():
    for runs, data, state in itertools.product((False, True), (False, True), ("active", "sealed", "unreachable")):
        found = stand([machine(runs, data)] * 3, (state,) * 3)
        assert found["problems"] or set(found["nodes"].values()) <= {"empty", "stopped", "serving", "other"}


@pytest.mark.parametrize("state", ["active", "sealed", "unreachable"])
@pytest.mark.parametrize(
    ("api", "cluster", "name"), [(9200, 8201, "vault_api_port"), (8200, 9201, "vault_cluster_port")]
)
def test_ports_are_not_changed_under_a_cluster(state, api, cluster, name):
    there = {**CONFIGURED, "api_port": api, "cluster_port": cluster}
    found = stand([machine(True, True, configured=there), machine(), machine()], (state, "unreachable", "unreachable"))
    (problem,) = found["problems"]
    assert problem.startswith(f"vault-1: its configuration has port {max(api, cluster)}, and {name} is ")
    assert f"Set {name} to {max(api, cluster)}; docs/settings.md" in problem and problem.endswith(
        "Nothing was changed."
    )


@pytest.mark.parametrize(
    "seen",
    [
        machine(configured={**CONFIGURED, "api_port": 9200}),
        machine(True, True, configured={**CONFIGURED, "api_port": 9200, "ours": False}),
        machine(True, True, configured={**CONFIGURED, "api_port": 8200, "cluster_port": None}),
    ],
)
def test_nor_is_anything_said_where_they_are_the_same_or_nobody_needs_them(seen):
    state = "active" if seen["has_data"] else "unreachable"
    assert stand([seen, machine(), machine()], (state, "unreachable", "unreachable"))["problems"] == []


@pytest.mark.parametrize(
    ("here", "states"), [({"runs": True, "data": True}, "active"), ({"data": True}, "unreachable")]
)
def test_a_cluster_of_one_product_is_none_of_the_other(here, states):
    for has, wants, product in (("vault", "openbao", "Vault"), ("openbao", "vault", "OpenBao")):
        machines = [machine(**here, flavours=[has])] * 3
        found = stand(machines, (states,) * 3, flavour=wants)
        assert [
            f"{name}: its server is {product}, and vault_flavour is {wants}." in said
            for name, said in zip(NAMES, found["problems"], strict=True)
        ] == [True] * 3
        assert stand(machines, (states,) * 3, flavour=has)["problems"] == []


def test_the_other_product_beside_is_told():
    (said,) = stand(
        [machine(True, True, flavours=["vault", "openbao"]), machine(True, True), machine(True, True)],
        ("active", "standby", "standby"),
    )["problems"]
    assert "vault-1: its server is OpenBao" in said


def test_a_unit_alone_makes_no_cluster():
    """Such as one of a package, on a machine that holds nothing and serves nobody."""
    assert stand([machine(flavours=["vault"])] * 3, flavour="openbao")["problems"] == []


@pytest.mark.parametrize(
    ("seen", "state", "says"),
    [
        (machine(runs=True, processes=[9], outside=[9]), "active", "OpenBao runs on it (process 9, outside the unit"),
        (machine(runs=True), "unreachable", "OpenBao runs on it (process 7)"),
        (machine(listens=True), "unreachable", "something listens on its OpenBao port"),
        (machine(), "active", "leads to no OpenBao runs"),
        (machine(data=True, trusted=["bb"]), "unreachable", "OpenBao does not run on it, and the CA"),
        (machine(data=True, current="2.6.1"), "unreachable", "holds Raft data of OpenBao 2.6.1"),
        (
            machine(data=True, configured={**CONFIGURED, "node_id": "x"}),
            "unreachable",
            "OpenBao does not run on it, and",
        ),
    ],
)
def test_of_openbao_no_problem_says_vault(seen, state, says):
    seen = {**seen, "flavours": []}
    states = (state, "unreachable", "unreachable")
    (said,) = stand([seen, machine(), machine()], states, flavour="openbao", version="2.6.2")["problems"]
    assert says in said and "Vault" not in said


def test_nor_does_what_is_said_of_a_ca_that_is_missing():
    (said,) = stand([machine(data=True), machine(), machine()], trusted=[], flavour="openbao")["problems"]
    assert "vault-1 (OpenBao is stopped, with data)" in said and "Vault" not in said
