from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs
from kit.inputs import GOOD, nodes


def test_good_inputs_have_no_problem():
    assert inputs.problems(nodes(), GOOD) == []
    assert inputs.problems(nodes(5), GOOD) == []


def test_a_node_is_found_by_what_the_inventory_has():
    own = {
        "a": {"ansible_host": "10.1.0.1"},
        "b": {"private_ip_address": "10.1.0.2", "ansible_host": "i-0123"},
        "c": {},
    }
    assert [node["address"] for node in inputs.nodes(["a", "b", "c"], own)] == ["10.1.0.1", "10.1.0.2", "c"]
    assert inputs.nodes(["a"], {"a": {"vault_address": "fd00::1"}})[0]["api_addr"] == "https://[fd00::1]:8200"


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_voters_must_be_odd_and_at_least_three(count):
    assert "Use 3, 5 or 7" in inputs.problems(nodes(count), GOOD)[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"vault_2": {"vault_node_id": "vault-1"}}, "vault-2: its node_id vault-1 is also that of vault-1"),
        ({"vault_3": {"vault_address": "10.0.1.10"}}, "vault-3: its address"),
        ({"vault_1": {"vault_cluster_addr": "https://127.0.0.1:8201"}}, "vault-1: cluster_addr"),
        ({"vault_1": {"vault_address": "localhost"}}, "loopback"),
        ({"vault_1": {"vault_api_addr": "https://0.0.0.0:8200"}}, "loopback"),
        (
            {"vault_2": {"vault_api_addr": "https://10.0.1.10:8200"}},
            "vault-2: its api_addr https://10.0.1.10:8200 is also",
        ),
        ({"vault_2": {"vault_cluster_addr": "https://10.0.1.10:8201"}}, "vault-2: its cluster_addr"),
        ({"vault_2": {"vault_node_id": "../../x"}}, "node id '../../x' can't be used"),
        ({"vault_2": {"vault_node_id": "vault-9\n"}}, "can't be used"),
        ({"vault_1": {"vault_api_addr": "http://10.0.1.10:8200"}}, "not of the form https://HOST:PORT"),
    ],
)
def test_each_node_by_name(changes, says):
    assert any(says in problem for problem in inputs.problems(nodes(**changes), GOOD))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": "v1.21.1"}, "vault_version"),
        ({"version": "1.21"}, "vault_version"),
        ({"version": ""}, "vault_version"),
        ({"version": "1.20.1"}, "can't join by EC2 tag"),
        ({"cluster_name": "my cluster"}, "vault_cluster_name"),
        ({"region": ""}, "vault_aws_region"),
        ({"tls_source": "given", "tls_dir": ""}, "vault_tls_dir does not say"),
        ({"key_alias": "vault-unseal"}, "vault_kms_key_alias"),
        ({"login_method": "ldap"}, "vault_login_method is 'ldap'. Use aws, cert or token."),
        ({"principals": {"vault_admins": ["me"]}}, "vault_admins: 'me' is not the ARN of an IAM user or role."),
        ({"join": "dns"}, "vault_join"),
        ({"tls_source": "none"}, "vault_tls_source"),
        ({"sink": ""}, "vault_custody_sink is not set"),
        ({"sink": "disk"}, "vault_custody_sink is 'disk'"),
        ({"sink": "pgp", "file": "/srv/recovery.pgp"}, "one for every share"),
        ({"sink": "pgp", "pgp_keys": ["key"]}, "vault_custody_sink is pgp, which is a file, and no file is named"),
        (
            {"sink": "kms_file"},
            "Set vault_custody_file to a place on the controller that is backed up, or vault_output_dir",
        ),
        ({"secret": ""}, "vault_custody_secret is empty, so the recovery keys have no place to go"),
        ({"prefix": "records/prod"}, "vault_snapshot_prefix is 'records/prod'"),
        ({"prefix": "/init/"}, "Choose another prefix"),
    ],
)
def test_cluster_wide_inputs(changes, says):
    found = inputs.problems(nodes(), {**GOOD, **changes})
    assert len(found) == 1
    assert says in found[0]


def test_a_version_with_broken_auto_join_can_join_statically():
    assert inputs.problems(nodes(), {**GOOD, "version": "1.20.1", "join": "static"}) == []


def status(state="live", versions=("1.21.1",), nodes=()):
    return {"cluster": {"state": state, "versions": list(versions), "reason": "why"}, "nodes": list(nodes)}


@pytest.mark.parametrize(
    ("seen", "differences", "says"),
    [
        (status(), [], None),
        (status("fresh", ()), [], None),
        (status("fresh"), [], None),
        (status("split"), [], "are not one cluster: why"),
        (status(), ["b is elsewhere"], "b is elsewhere"),
        (status(versions=["1.21.0"]), [], "runs Vault 1.21.0, and vault_version is 1.21.1"),
        (status(nodes=[{"name": "c", "state": "removed", "error": None}]), [], "c was removed"),
        (status(nodes=[{"name": "c", "state": "unreachable", "error": "c: no connection"}]), [], None),
        (status(versions=["1.20.4+ent"]), [], "the community edition"),
    ],
)
def test_what_runs_is_left_alone_when_it_is_not_this_cluster(seen, differences, says):
    found = inputs.adoption_problems(seen, differences, "1.21.1")
    assert found == [] if says is None else says in found[0]


@pytest.mark.parametrize("name", ["ca", "CA", "next", "nodes", "vaultops-operator", "a b", "../x", "-x", ""])
def test_a_host_whose_name_would_be_another_file(name):
    hosts = [name, "vault-2", "vault-3"]
    found = inputs.problems(
        inputs.nodes(
            hosts, {host: {"vault_node_id": f"id-{n}", "vault_address": f"10.0.1.{n}"} for n, host in enumerate(hosts)}
        ),
        GOOD,
    )
    assert any("name in the inventory" in problem and "can't be used" in problem for problem in found)


def test_a_host_with_the_name_that_all_certificates_share():
    hosts = ["vault.prod.internal", "b", "c"]
    found = inputs.problems(inputs.nodes(hosts, {host: {} for host in hosts}), {**GOOD, "server_name": hosts[0]})
    assert any(problem.startswith("vault.prod.internal: that is the name which all") for problem in found)


@pytest.mark.parametrize("name", ["vault-1", "vault-1.example.com", "10.0.1.10", "i_0abc"])
def test_usual_names_are_good(name):
    assert not [
        problem
        for problem in inputs.problems(inputs.nodes([name, "b", "c"], {name: {}, "b": {}, "c": {}}), GOOD)
        if name in problem
    ]


@pytest.mark.parametrize("name", ["cluster_name", "version", "key_alias"])
def test_a_newline_at_the_end_is_no_name(name):
    assert inputs.problems(nodes(), {**GOOD, name: GOOD[name] + "\n"})


PORTS = {"vault_api_port": 9200, "vault_cluster_port": "9201"}


def test_the_ports_are_part_of_every_address():
    found = inputs.nodes(["a"], {"a": {"vault_address": "fd00::1", **PORTS}})
    assert (found[0]["api_addr"], found[0]["cluster_addr"]) == ("https://[fd00::1]:9200", "https://[fd00::1]:9201")
    own = {f"vault_{n}": PORTS for n in (1, 2, 3)}
    assert inputs.problems(nodes(**own), {**GOOD, "ports": PORTS}) == []
    apart = {**own, "vault_2": {**PORTS, "vault_api_addr": "https://vault.example.com:443"}}
    assert inputs.problems(nodes(**apart), {**GOOD, "ports": PORTS}) == [], "it is passed on there"


@pytest.mark.parametrize(
    ("ports", "own", "says"),
    [
        ({"vault_api_port": 443}, {}, "vault_api_port is 443. Use 1024 to 65535"),
        ({"vault_cluster_port": "x"}, {}, "vault_cluster_port is x. Use 1024 to 65535"),
        ({"vault_cluster_port": 65536}, {}, "vault_cluster_port is 65536. Use"),
        ({"vault_cluster_port": "9200"}, {}, "vault_api_port and vault_cluster_port are both 9200"),
        (
            {},
            {"vault_api_port": 8200},
            "vault-2: api_addr https://10.0.1.11:8200 has the node's address, and another port",
        ),
        ({}, {"vault_cluster_addr": "https://10.0.1.11:8201"}, "set vault_cluster_port for the whole group"),
    ],
)
def test_ports_that_can_not_be_are_refused(ports, own, says):
    cluster = nodes(vault_1=PORTS, vault_2={**PORTS, **own}, vault_3=PORTS)
    (found,) = inputs.problems(cluster, {**GOOD, "ports": {**PORTS, **ports}})
    assert says in found


def test_a_version_that_runs_is_said_with_the_product_that_has_it():
    (said,) = inputs.adoption_problems(status(versions=["2.6.1"]), [], "2.6.2", "openbao")
    assert said.startswith("The cluster runs OpenBao 2.6.1, and vault_version is 2.6.2.")
