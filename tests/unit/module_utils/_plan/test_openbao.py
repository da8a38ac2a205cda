"""What an inventory may ask of OpenBao: each refusal says why, and what to do."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs, openbao, server_settings, upgrade
from kit.inputs import GOOD, nodes

PLUGIN = {"version": "v0.1.0", "url": "https://mirror.example/openbao-plugin-kms-aws", "sha256": "ab" * 32}
NOBODY = {"vault_admins": [], "vault_operators": [], "vault_viewers": []}
OPENBAO = {**GOOD, "flavour": "openbao", "version": "2.6.2", "login_method": "cert", "principals": NOBODY}


def problems(**changes):
    return inputs.problems(nodes(), {**OPENBAO, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"version": "2.5.4"},
        {"version": "2.5.5"},
        {"kms_plugin": PLUGIN},
        {"version": "2.7.0", "kms_plugin": PLUGIN},
        {"login_method": "token"},
        {"settings": {"server": {"max_lease_ttl": "900h"}, "listener": {"http_idle_timeout": "5m"}}},
    ],
)
def test_what_works_has_no_problem(changes):
    assert problems(**changes) == []


@pytest.mark.parametrize(
    ("changes", "says", "cure"),
    [
        ({"version": "2.5.0"}, "OpenBao 2.5.0 can't unseal itself by AWS KMS", "Use 2.5.4"),
        ({"version": "2.5.3"}, "runs 2.5.4 and later ones", "by hand first"),
        ({"version": "2.4.4"}, "runs 2.5.4 and later ones", "by hand first"),
        ({"version": "1.21.1"}, "runs 2.5.4 and later ones", "by hand first"),
        ({"version": "2.6.2+ent"}, "vault_version", "Give the whole version"),
        ({"version": "2.7.0"}, "could not unseal itself", "Give the plugin's version"),
        ({"version": "2.5.5", "kms_plugin": PLUGIN}, "takes no seal as a plugin", "Leave it out"),
        ({"kms_plugin": {**PLUGIN, "sha256": "ab"}}, "vault_kms_plugin.sha256", "64 lower-case digits"),
        ({"kms_plugin": {**PLUGIN, "version": "0.1.0"}}, "vault_kms_plugin.version", "such as v0.1.0"),
        ({"kms_plugin": {"version": "v0.1.0", "sha256": "ab" * 32}}, "vault_kms_plugin.url", "the URL"),
        ({"kms_plugin": {**PLUGIN, "image": "x"}}, "vault_kms_plugin has image", "Leave it out"),
        ({"kms_plugin": "v0.1.0"}, "vault_kms_plugin is no mapping", "Give the plugin's"),
        ({"login_method": "aws"}, "vault_login_method is aws", "Set it to cert"),
        (
            {"principals": {**NOBODY, "vault_admins": ["arn:aws:iam::123456789012:role/admin"]}},
            "vault_admins names principals",
            "Leave them empty",
        ),
        ({"settings": {"raft": {"raft_wal": True}}}, "OpenBao knows no raft_wal", "Leave it out"),
        ({"settings": {"seal": {"role_arn": "arn:aws:iam::1:role/x"}}}, "OpenBao knows no role_arn", "Leave it out"),
        ({"settings": {"server": {"plugin_directory": "/x"}}}, "is that of vault_kms_plugin", "Set it there"),
        ({"locks_memory": True}, "OpenBao locks no memory", "Leave it out"),
        ({"unauthenticated_access": ["rekey"]}, "vault_server_unauthenticated_access", "stay shut"),
        ({"flavour": "bao"}, "vault_flavour is 'bao'", "Use vault or openbao"),
    ],
)
def test_what_does_not_work_is_refused_with_a_cure(changes, says, cure):
    found = problems(**changes)
    assert len(found) == 1
    assert says in found[0]
    assert cure in found[0]


def test_vault_takes_no_plugin_of_openbao():
    assert inputs.problems(nodes(), {**GOOD, "kms_plugin": PLUGIN}) == [
        "vault_kms_plugin is set, and Vault has the seal by AWS KMS built in. Leave it out."
    ]


@pytest.mark.parametrize("version", ["2.1.0", "2.5.0", "2.5.1"])
def test_a_version_that_both_have_is_judged_as_the_one_that_is_meant(version):
    assert inputs.problems(nodes(), {**GOOD, "version": version}) == []


def test_what_openbao_knows_are_settings_that_vault_has():
    for stanza, names in openbao.KNOWS.items():
        known = server_settings.STANZAS[stanza].settings
        assert [name for name in names if name not in known or known[name].owner or known[name].only] == []


def test_what_is_new_to_vault_is_refused_until_somebody_has_looked(monkeypatch):
    for name in ("deny_slash_in_templated_paths", "brand_new"):
        more = {**server_settings.SERVER.settings, name: server_settings.Setting("flag")}
        monkeypatch.setitem(server_settings.STANZAS, "server", server_settings.SERVER._replace(settings=more))
        (said,) = problems(settings={"server": {name: True}})
        assert f"OpenBao knows no {name}" in said


def planned(running, target, plugin=None, has=True, active="vault-1", **changed):
    names = ("vault-1", "vault-2", "vault-3")
    states = {name: "active" if name == active else "standby" for name in names}
    found = [{"name": name, "state": states[name], "version": running} for name in names]
    status = {"cluster": {"state": "live", "reason": "", "versions": [running]}, "nodes": found}
    raft = {"raft": {"failure_tolerance": 1}, "missing": None, "differences": []}
    there = PLUGIN["sha256"] if has else None
    node = {
        "running": running,
        "current": running,
        "plugin_sum": there,
        "configured": {"sha256sum": there},
        "restart_reasons": [],
        **changed,
    }
    return upgrade.upgrade(status, raft, dict.fromkeys(names, node), target, "aws", flavour="openbao", plugin=plugin)


def test_within_a_line_nodes_are_upgraded_one_by_one():
    plan = planned("2.6.0", "2.6.2")
    assert (plan["problems"], plan["notes"]) == ([], [])
    assert [step["node"] for step in plan["steps"]] == ["vault-2", "vault-3", "vault-1"]
    assert planned("2.5.1", "2.5.5")["notes"] == [
        "a root token is generated without a token no more (disable_unauthed_generate_root_endpoints) "
        "(https://github.com/openbao/openbao/releases/tag/v2.5.3)."
    ]


@pytest.mark.parametrize(("before", "after"), [("2.5.5", "2.6.2"), ("2.5.1", "2.6.0"), ("2.5.5", "2.7.0")])
def test_from_2_5_on_no_node_is_upgraded_while_others_serve(before, after):
    plan = planned(before, after, PLUGIN)
    assert plan["steps"] == []
    (said,) = plan["problems"]
    assert "can't be upgraded one by one" in said
    assert "https://github.com/openbao/openbao/issues/3899" in said


def test_to_2_7_the_plugin_comes_first():
    plan = planned("2.6.2", "2.7.0", PLUGIN)
    assert plan["problems"] == []
    assert len(plan["steps"]) == 3
    assert any("LDAP" in note for note in plan["notes"])
    (said,) = planned("2.6.2", "2.7.0", PLUGIN, has=False)["problems"]
    assert "vault-1, vault-2, vault-3: OpenBao 2.7.0 unseals itself by the plugin v0.1.0 alone" in said
    (said,) = planned("2.6.2", "2.7.0")["problems"]
    assert "vault_kms_plugin names none" in said


@pytest.mark.parametrize("lacks", [{"plugin_sum": None}, {"configured": {"sha256sum": None}}])
def test_a_plugin_that_is_installed_and_not_named_is_not_enough_nor_the_other_way_round(lacks):
    (said,) = planned("2.6.2", "2.7.0", PLUGIN, **lacks)["problems"]
    assert "it is not installed there and named by the configuration yet" in said


def test_a_plugin_that_no_process_has_started_proves_nothing():
    why = "/etc/vault.d/vault.hcl is newer than the process"
    plan = planned("2.6.2", "2.7.0", PLUGIN, restart_reasons=[why])
    assert plan["steps"] == []
    assert [said.partition(":")[0] for said in plan["problems"]] == ["vault-1", "vault-2", "vault-3"]
    assert all(why in said and "playbooks/site.yml first" in said for said in plan["problems"])
    assert planned("2.6.0", "2.6.2", restart_reasons=[why])["problems"] == []
    # A run that was cut short between the switch and the restart goes on.
    assert planned("2.6.2", "2.7.0", PLUGIN, restart_reasons=["switched on"], current="2.7.0")["problems"] == []


def test_openbao_is_not_judged_by_what_vault_changes():
    """Both have a 2.1, and more to come."""
    assert upgrade.reads({"nodes": [{"version": "2.6.0"}]}, "2.6.2", "openbao") == []
    (said,) = planned("2.6.2", "2.6.1")["problems"]
    assert "OpenBao's data can't go back" in said
    assert "What is known of OpenBao 2.6.2" in " ".join(planned("2.6.2", "2.7.0", PLUGIN)["notes"])


@pytest.mark.parametrize(
    "changes",
    [
        {"ports": {"vault_api_port": 443, "vault_cluster_port": 8201}},
        {"ports": {"vault_api_port": 8200, "vault_cluster_port": 8200}},
        {"region": ""},
        {"settings": {"server": {"max_lease_ttl": "1h"}}},
        {"settings": {"raft": {"snapshot_interval": "1ms"}}},
    ],
)
def test_what_is_wrong_for_both_is_said_of_the_one_that_is_meant(changes):
    (said,) = problems(**changes)
    assert "OpenBao" in said and "Vault" not in said


def test_what_enterprise_alone_has_is_said_once():
    (said,) = problems(settings={"listener": {"max_token_header_size": 16384}})
    assert said.startswith("vault_listener_settings: OpenBao knows no max_token_header_size")
