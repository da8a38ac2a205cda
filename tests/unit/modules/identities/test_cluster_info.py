"""One look at a whole cluster says what the module of each part would say, by one login, and changes nothing."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import record as records
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import sinks
from ansible_collections.vaultops.cluster.plugins.module_utils._custody.journal import Journal, open_home
from ansible_collections.vaultops.cluster.plugins.module_utils._vault import client
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state
from ansible_collections.vaultops.cluster.plugins.modules import (
    vault_audit,
    vault_cert_role,
    vault_cluster_info,
    vault_init,
    vault_operator,
    vault_raft_autopilot,
    vault_raft_info,
)
from kit.identities import ADMIN, OPERATOR, ROOT, STATUS, Vault, files
from kit.paths import ROLES

KEY = "cmVjb3Zlcnkta2V5"
FILE = {"type": "file", "options": {"file_path": "/x"}}
AUTOPILOT = {
    "cleanup_dead_servers": False,
    "dead_server_last_contact_threshold": "24h0m0s",
    "last_contact_threshold": "10s",
    "max_trailing_logs": 1000,
    "min_quorum": 3,
    "server_stabilization_time": "10s",
}


class Whole(Vault):
    """The same with one node, its peer and autopilot."""

    active = True

    def __init__(self, *arguments: t.Any) -> None:
        super().__init__(*arguments)
        self.asked: list[str] = []
        self.autopilot = {**AUTOPILOT}
        self.unseen: set[str] = set()  # paths that nobody may read

    def answer(self, verb: str, path: str, body: dict[str, t.Any], token: str, peer: t.Any) -> tuple[int, t.Any]:
        self.asked.append(path)
        if path == "sys/health":
            return (200 if self.active else 429), {"cluster_id": "one", "version": "1.21.1"}
        if path == "sys/seal-status":
            return 200, {"initialized": True, "sealed": False, "type": "awskms", "version": "1.21.1"}
        if path == "sys/leader":
            return 200, {"is_self": self.active, "raft_committed_index": 1}
        if path in self.unseen:
            return 403, {"errors": ["permission denied"]}
        return super().answer(verb, path, body, token, peer)

    def kept(self, verb: str, path: str, body: dict[str, t.Any]) -> tuple[int, t.Any]:
        if path == "sys/storage/raft/configuration":
            one = {"node_id": "vault-1", "address": "127.0.0.1:8201", "voter": True, "leader": True}
            return 200, {"data": {"config": {"servers": [one]}}}
        if path == "sys/storage/raft/autopilot/state":
            one = {"status": "leader", "healthy": True, "last_index": 1, "last_term": 2, "version": "1.21.1"}
            return 200, {"data": {"healthy": True, "failure_tolerance": 0, "servers": {"vault-1": one}}}
        if path == "sys/storage/raft/autopilot/configuration":
            return 200, {"data": self.autopilot}
        return super().kept(verb, path, body)


@pytest.fixture
def vault(tmp_path, ca):
    with Whole(tmp_path, ca) as running:
        yield running


@pytest.fixture
def custody(tmp_path):
    return {"sink": "pgp", "path": str(tmp_path / "recovery.pgp"), "journal": {"path": str(tmp_path / "init.journal")}}


@pytest.fixture
def keep(custody):
    """Puts a record with these differences into custody."""

    def put(status="stored", **more):
        reservation = records.prepared("prod", "2026-11-25T00:00:00+00:00", "somebody@somewhere")
        answer = {"recovery_keys_base64": [KEY], "root_token": more.pop("root_token", None)}
        keys = records.answered(reservation, {"recovery_shares": 1, "recovery_threshold": 1}, answer)
        record = records.stored(reservation, keys, "one") if status == "stored" else reservation
        sinks.PlainFile(custody["path"], "prod").replace({**record, **more})
        return reservation, keys

    return put


@pytest.fixture
def parts(tmp_path, options):
    """What is wanted: the options of each part."""
    return {
        "init": {"recovery_shares": 1, "recovery_threshold": 1, "pgp_keys": ["a2V5"]},
        "raft": {"voters": 1, "expected_peers": {"vault-1": "127.0.0.1:8201"}},
        "identities": {"client_ca": options["client_ca"], **files(tmp_path, "status", STATUS)},
        "audit": {"devices": {"file": FILE}},
        "autopilot": dict(AUTOPILOT),
        "cert_role": {
            "name": "vaultops-backup",
            "policy": "# none",
            "client_ca": options["client_ca"],
            "dns_names": ["vault-1"],
        },
        "probe_role": {"name": "vaultops-probe", "state": "absent"},
    }


@pytest.fixture
def asked(options, custody, parts, run_module):
    """Runs the module for all parts, with these differences."""

    def run(check=False, **more):
        connection = {name: value for name, value in options.items() if name != "client_ca"}
        given = {**connection, "cluster_name": "prod", "custody": custody, **parts, **more}
        return run_module(
            vault_cluster_info, check, **{name: value for name, value in given.items() if value is not None}
        )

    return run


@pytest.fixture
def alone(options, custody, parts, run_module):
    """What the module of one part says in check mode."""
    connection = {name: value for name, value in options.items() if name != "client_ca"}
    login = {name: value for name, value in connection.items() if not name.startswith("admin_")}
    bare = {name: value for name, value in login.items() if not name.startswith("cert_auth_")}
    modules = {
        "init": (vault_init, {**bare, "cluster_name": "prod", "custody": custody}),
        "raft": (vault_raft_info, login),
        "identities": (vault_operator, {**connection, "cluster_name": "prod", "custody": custody}),
        "audit": (vault_audit, connection),
        "autopilot": (vault_raft_autopilot, login),
        "cert_role": (vault_cert_role, connection),
        "probe_role": (vault_cert_role, connection),
    }

    def run(part):
        module, given = modules[part]
        said = run_module(module, True, **given, **parts[part])
        return {name: value for name, value in said.items() if name not in ("invocation", "warnings")}

    return run


@pytest.fixture
def settled(vault, set_up, options, parts, keep, run_module, monkeypatch):
    """A cluster that is as it should be."""
    set_up(root=True)
    monkeypatch.undo()  # from now on custody is a file
    keep()
    given = {name: value for name, value in options.items() if name != "client_ca"}
    for module, part in ((vault_audit, "audit"), (vault_cert_role, "cert_role")):
        assert run_module(module, **given, **parts[part])["changed"]
    for seen in (vault.logins, vault.events, vault.asked):
        seen.clear()
    return vault


def nothing_left(vault) -> bool:
    """Nothing was written, and no token of a login is alive."""
    return vault.events == [] and set(vault.tokens) <= {ROOT}


def test_where_nothing_differs_one_login_is_all_it_takes(settled, asked):
    said = asked()
    assert not said["changed"]
    assert [said[part]["changed"] for part in vault_cluster_info.PARTS] == [False] * 7, said
    assert said["init"]["step"] == "nothing"
    assert settled.asked.count("auth/cert/login") == 1
    assert settled.asked.count("auth/token/revoke-self") == 1
    assert settled.asked.count("sys/leader") == 1, "the nodes are read once, and that says who leads"
    assert nothing_left(settled)


def differs(vault, parts, keep, part):
    if part == "init":
        keep(cluster_id=None)
    elif part == "raft":
        parts["raft"] = {"voters": 3, "expected_peers": {"vault-1": "10.0.0.1:8201"}}
    elif part == "identities":
        vault.policies[STATUS] = "# nothing"
    elif part == "audit":
        parts["audit"]["devices"]["journal"] = {"type": "file", "options": {"file_path": "stdout"}}
    elif part == "autopilot":
        parts["autopilot"]["last_contact_threshold"] = "20s"
    elif part == "cert_role":
        parts["cert_role"]["dns_names"] = ["vault-1", "vault-2"]
    elif part == "probe_role":
        parts["probe_role"] = {**parts["cert_role"], "name": "vaultops-probe"}


@pytest.mark.parametrize("part", vault_cluster_info.PARTS)
def test_what_differs_is_told_as_its_own_module_tells_it(settled, asked, alone, parts, keep, part):
    assert asked()[part] == alone(part)
    differs(settled, parts, keep, part)
    settled.asked.clear()
    said = asked()
    logins = settled.asked.count("auth/cert/login")
    assert said[part] == alone(part)
    assert said[part]["changed"] or said[part]["missing"] and said[part]["differences"]
    if part != "identities":
        assert logins == 1
        assert all(said[other]["changed"] is False for other in vault_cluster_info.PARTS if other != part)
    assert not said["changed"], "it only reads"
    assert asked(check=True)[part] == said[part]
    assert nothing_left(settled)


@pytest.mark.parametrize("part", ["audit", "autopilot", "cert_role", "probe_role"])
def test_a_difference_of_the_identities_hides_no_other(settled, asked, alone, parts, keep, part):
    """One more operator is no reason to plan audit devices, autopilot and the nodes' role as well; and no reason to miss them."""
    settled.policies[STATUS] = "# nothing"
    others = ("audit", "autopilot", "cert_role", "probe_role")
    assert [asked()[one]["changed"] for one in others] == [False] * 4
    differs(settled, parts, keep, part)
    said = asked()
    assert said["identities"]["steps"] == [f"policy {STATUS}"]
    assert [one for one in others if said[one]["changed"]] == [part]
    assert said[part] == alone(part)
    assert nothing_left(settled)


def test_where_the_operator_may_not_look_yet_who_mends_it_looks(settled, asked):
    """The operator of an earlier version, who may not see audit devices, is mended, and not an error."""
    settled.policies[OPERATOR] = state.OPERATOR_POLICY.replace("sys/audit", "sys/something-else")
    said = asked()
    assert said["identities"]["steps"] == [f"policy {OPERATOR}"]
    assert [said[part]["changed"] for part in ("audit", "autopilot", "cert_role")] == [False] * 3
    assert nothing_left(settled)


OLDER = (
    # May not look at who logs in by IAM, which came later.
    (
        state.OPERATOR_POLICY.replace("sys/auth", "sys/another"),
        "'vaultops-operator' logs in, and may not look at all that",
    ),
    (
        state.OPERATOR_POLICY + "# before",
        "the policy of 'vaultops-operator' in Vault is not the one of this collection",
    ),
)


@pytest.mark.parametrize(("policy", "says"), OLDER)
def test_a_policy_older_than_the_collection_is_named_where_nobody_here_may_write_it(
    settled, asked, alone, policy, says
):
    settled.policies[OPERATOR] = policy
    settled.broken.add(ADMIN)
    said = asked()
    assert said["failed"] and said["msg"] == alone("identities")["msg"]
    assert f"vault-1: {says}" in said["msg"] and "older than the collection, or somebody changed it" in said["msg"]
    assert "and the identity 'vaultops-admin' can't log in with " in said["msg"]
    assert "Have an administrator run playbooks/site.yml once" in said["msg"]
    assert "custody" not in said["msg"] and "vault_cluster_operator_policy" not in said["msg"]
    assert nothing_left(settled)


def test_where_another_identity_differs_that_is_named(settled, asked):
    settled.policies[STATUS] = "# nothing"
    settled.broken.add(ADMIN)
    said = asked()["msg"]
    assert (
        "something has to be written (policy vaultops-status), and the identity 'vaultops-admin' can't log in" in said
    )


def test_what_nobody_may_look_at_is_null_and_not_an_error(settled, asked):
    """Who may say who may do what, and sees no audit device."""
    settled.policies[OPERATOR] = state.OPERATOR_POLICY.replace("sys/audit", "sys/something-else")
    settled.unseen.add("sys/audit")
    said = asked()
    assert said["identities"]["changed"]
    assert said["audit"] is None
    assert [said[part]["changed"] for part in ("autopilot", "cert_role")] == [False] * 2
    assert nothing_left(settled)


def test_a_failure_to_look_is_no_refusal(settled, asked, parts, alone):
    settled.policies[STATUS] = "# nothing"
    parts["autopilot"].update(cleanup_dead_servers=True, min_quorum=1)
    said = asked()
    assert said["failed"] and said["msg"] == alone("autopilot")["msg"]
    assert nothing_left(settled)


def test_what_is_not_asked_for_is_null(settled, asked):
    said = asked(init=None, raft=None, identities=None, cert_role=None)
    assert [said[part] is None for part in vault_cluster_info.PARTS] == [True, True, True, False, False, True, False]
    assert settled.asked.count("auth/cert/login") == 1


def test_the_first_part_in_error_ends_it_with_its_own_words(settled, asked, alone, parts, keep):
    keep(cluster_id="another")
    settled.policies[STATUS] = "# nothing"
    settled.broken.add(ADMIN)
    parts["audit"]["devices"]["file"] = {"type": "file", "options": {"file_path": "/y"}}
    parts["autopilot"].update(cleanup_dead_servers=True, min_quorum=1)
    parts["cert_role"]["client_ca"] = "/nowhere/ca.crt"

    def mended(part):
        if part == "init":
            keep()
        elif part == "identities":
            settled.policies[STATUS] = state.STATUS_POLICY
        elif part == "audit":
            parts["audit"]["devices"]["file"] = FILE
        elif part == "autopilot":
            parts["autopilot"].update(min_quorum=3)

    for part, word in (
        ("init", "another"),
        ("identities", "can't log in"),
        ("audit", "file_path=/y"),
        ("autopilot", "min_quorum"),
        ("cert_role", "/nowhere/ca.crt"),
    ):
        said = asked()
        assert said["failed"]
        assert word in said["msg"]
        assert said["msg"] == alone(part)["msg"]
        assert nothing_left(settled)
        mended(part)


def test_where_nobody_leads_init_alone_is_answered(settled, asked, monkeypatch):
    monkeypatch.setattr(client, "ELECTION_SECONDS", 0.5)
    settled.active = False
    said = asked()
    assert said["init"]["step"] == "nothing"
    assert [said[part] for part in vault_cluster_info.PARTS if part != "init"] == [None] * 6
    assert "no active node" in asked(init=None)["msg"]
    assert "auth/cert/login" not in settled.asked


def test_keys_that_wait_in_the_journal_come_first(settled, asked, keep, custody):
    reservation, keys = keep(status="prepared")
    Journal(open_home(custody)).prepare(reservation, keys)(keys)
    said = asked()
    assert said["init"]["step"] == "recover"
    assert said["raft"] is None
    assert "auth/cert/login" not in settled.asked
    assert KEY not in json.dumps(said)


def test_as_long_as_there_is_no_operator_root_looks_and_is_kept(vault, keep, asked, alone):
    keep(root_token=ROOT)
    said = asked()
    assert said["init"]["custody"]["root_token_held"]
    assert said["raft"]["raft"]["voters"] == ["vault-1"]
    assert said["identities"] == alone("identities")
    assert said["identities"]["root_token_revoked"]
    assert said["audit"]["changed"]
    assert ROOT in vault.tokens
    assert ROOT not in json.dumps(said)
    assert KEY not in json.dumps(said)
    keep()
    assert asked()["msg"] == alone("raft")["msg"]
    assert nothing_left(vault)


def test_a_token_that_was_given_looks_at_a_cluster_of_somebody_else(vault, asked):
    said = asked(token=ROOT)
    assert said["init"]["custody"]["status"] == "none"
    assert said["raft"]["raft"]["leader"] == "vault-1"
    assert "cert_auth" in said["identities"]["steps"]
    assert not said["identities"]["root_token_revoked"]
    assert said["audit"]["changed"]
    assert "auth/cert/login" not in vault.asked
    assert vault.events == []
    assert ROOT in vault.tokens


def test_without_an_admin_a_wide_operator_is_warned_of(settled, asked, monkeypatch):
    # Ansible gives each warning once a process, and another test may have had it.
    warnings = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text, **_more: warnings.append(text))
    settled.policies[OPERATOR] = state.ADMIN_POLICY
    said = asked(admin_public_key=None, admin_private_key=None)
    assert not said.get("failed"), said
    assert said["audit"]["changed"] is False
    assert "may still write policies" in warnings[0]


def test_the_role_asks_with_the_options_that_it_writes_with():
    """Else a difference would be seen, and not mended, or the other way round."""
    tasks = {role.name: role / "tasks" for role in ROLES}

    def options_of(path, module):
        found = [task[module] for task in yaml.safe_load(path.read_text()) if module in task]
        return next(given for given in found if given)

    cluster = tasks["vault_cluster"]
    look = options_of(cluster / "read_cluster.yml", "vaultops.cluster.vault_cluster_info")
    shared = {name: look[name] for name in ("cluster_name", "custody")}
    assert options_of(cluster / "init.yml", "vaultops.cluster.vault_init") == {**shared, **look["init"]}
    operator = options_of(cluster / "operator.yml", "vaultops.cluster.vault_operator")
    assert {name: value for name, value in operator.items() if name not in shared} == look["identities"]
    assert options_of(cluster / "configure.yml", "vaultops.cluster.vault_audit") == look["audit"]
    assert options_of(cluster / "autopilot.yml", "vaultops.cluster.vault_raft_autopilot") == look["autopilot"]
    access = options_of(tasks["vault_backup"] / "access.yml", "vaultops.cluster.vault_cert_role")
    assert access == {name: f"{{{{ vault_snapshot_access.{name} }}}}" for name in access}
    known = yaml.safe_load((cluster.parent / "defaults" / "main.yml").read_text())
    assert "vault_snapshot_access" in known["vault_cluster_cert_role"]
    assert look["probe_role"] == "{{ vault_probe_access }}"
    (probes,) = [
        task["vaultops.cluster.vault_cert_role"]
        for task in yaml.safe_load((tasks["vault_backup"] / "access.yml").read_text())
        if "probe" in task["name"]
    ]
    assert probes == {name: f"{{{{ vault_probe_access.{name} }}}}" for name in probes}
