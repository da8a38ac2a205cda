"""What a playbook says before it does anything."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import words
from kit.manifests import backup

SAVES_TO = {"bucket": "", "prefix": "snapshots", "nodes": False, "directory": "/c"}
RECORDS = {"bucket": "b", "prefix": "records/prod", "directory": "/c"}


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({}, "as a verified snapshot, in /c/snapshots on the controller."),
        ({"nodes": True, "directory": ""}, "snapshot, encrypted, in the active node's directory of snapshots."),
        (
            {"nodes": True, "bucket": "b"},
            "encrypted, in the bucket b under snapshots and in /c/snapshots on the controller.",
        ),
    ],
)
def test_where_the_data_is_saved_first_is_said(where, says):
    said = words.upgrade(turns("vault-1: 1.21.0 -> 1.21.1"), {}, "1.21.1", {**SAVES_TO, **where})
    assert said["lines"][0].endswith(says)


def test_that_no_report_is_kept_is_said():
    said = words.drill(
        "m", ["vault-1"], {"snapshot": "newest", "bucket": "", "records": {"bucket": "", "directory": ""}}
    )
    assert any("No report is kept, since there is no bucket and no directory" in line for line in said["lines"])


def turns(*texts, notes=()):
    return {"problems": [], "steps": [{"node": "", "active": False, "text": text} for text in texts], "notes": notes}


def place(said, *parts):
    """Where in the lines these words are, one line each."""
    found = [[number for number, line in enumerate(said["lines"]) if part in line] for part in parts]
    assert all(len(one) == 1 for one in found), (parts, said["lines"])
    return [one[0] for one in found]


def test_a_restart_is_said_in_its_order_and_what_can_not_be_known_before():
    said = words.restart(turns("vault-2, a standby: restart", "vault-1, the active node: restart"))
    assert said["changes"] is True
    assert said["lines"][:2] == ["vault-2, a standby: restart.", "vault-1, the active node: restart."]
    assert "in that moment" in said["lines"][2] and "take a write" in said["lines"][3]


def test_an_upgrade_is_laid_down_where_it_is_missing_and_saved_before_the_first_turn():
    observed = {"vault-1": {"releases": ["1.21.0"]}, "vault-2": {"releases": ["1.21.1"]}, "vault-3": {}}
    plan = turns("vault-2, a standby: 1.21.0 -> 1.21.1", notes=["Read this (there)."])
    said = words.upgrade(plan, observed, "1.21.1", SAVES_TO)
    at = place(said, "vault-1, vault-3: Vault 1.21.1", "/c/snapshots", "-> 1.21.1.", "Read this", "in that moment")
    assert at == sorted(at)


def test_an_upgrade_that_is_done_is_nothing_to_do():
    said = words.upgrade(turns(), {"vault-1": {"releases": ["1.21.1"]}}, "1.21.1", SAVES_TO)
    assert said == {"changes": False, "lines": ["Nothing to do: every node runs 1.21.1."]}


def test_a_release_that_is_only_missing_is_laid_down_without_a_snapshot():
    said = words.upgrade(turns(), {"vault-1": {"releases": []}}, "1.21.1", SAVES_TO)
    assert said["changes"] is True
    assert "installed" in said["lines"][0] and not any("snapshot" in line for line in said["lines"])


def replaced(joining=(), first=(), last=(), steps=("a step",)):
    return {"joining": list(joining), "remove_first": list(first), "remove_last": list(last), "steps": list(steps)}


def nodes(**states):
    return {"nodes": [{"name": name.replace("_", "-"), "state": state} for name, state in states.items()]}


NODES_TO_BE = [{"name": "vault-1"}, {"name": "vault-3"}, {"name": "vault-4"}]


def test_a_replacement_is_said_in_its_order():
    steps = ["vault-5: removed first", "vault-4: joins", "vault-2: removed, a node that is alive"]
    plan = replaced(joining=["vault-4"], first=["vault-5"], last=["vault-2"], steps=steps)
    status = nodes(vault_1="active", vault_2="standby", vault_3="standby", vault_4="unreachable")
    said = words.replacement(plan, NODES_TO_BE, status, "1.21.1", SAVES_TO)
    at = place(
        said,
        "/c/snapshots",
        "vault-5: removed first.",
        "vault-4: joins.",
        "vault-4: Vault 1.21.1",
        "vault-2: removed,",
        "vault-5, vault-2: certificates",
        "vault-2: Vault and its snapshots are stopped",
        "No node that stays is restarted",
    )
    assert at == sorted(at) and said["changes"] is True
    assert "unseal key is known only when" in said["lines"][at[3]]


def test_a_new_machines_volumes_are_part_of_the_plan_and_others_are_not():
    plan = replaced(joining=["vault-4"], steps=["vault-4: joins"])
    status = nodes(vault_1="active", vault_4="unreachable")
    observed = {name: {"volumes": {"todo": [f"the volume of {name} is formatted"]}} for name in ("vault-1", "vault-4")}
    said = words.replacement(plan, NODES_TO_BE, status, "1.21.1", SAVES_TO, observed)
    (line,) = [line for line in said["lines"] if "formatted" in line]
    assert line.startswith("vault-4: Vault 1.21.1") and line.endswith(" The volume of vault-4 is formatted.")


def test_what_is_to_be_known_of_a_new_machine_ends_the_plan():
    plan, known = replaced(joining=["vault-4"], steps=["vault-4: joins"]), ["SELinux is enforcing on vault-4."]
    said = words.replacement(plan, NODES_TO_BE, nodes(vault_4="unreachable"), "1.21.1", SAVES_TO, None, known)
    assert said["lines"][-1:] == known and said["changes"] is True


@pytest.mark.parametrize(("state", "laid_down"), [("uninitialized", True), ("standby", False), ("sealed", False)])
def test_what_an_earlier_run_has_brought_up_is_only_waited_for(state, laid_down):
    plan = replaced(joining=["vault-4"], steps=["vault-4: joins"])
    said = words.replacement(plan, NODES_TO_BE, nodes(vault_1="active", vault_4=state), "1.21.1", SAVES_TO)
    assert any("installed" in line for line in said["lines"]) is laid_down


@pytest.mark.parametrize(("state", "stops"), [("standby", True), ("sealed", True), ("unreachable", False)])
def test_who_has_left_and_answers_is_stopped(state, stops):
    """An earlier run may have been cut short before it did so."""
    status = nodes(vault_1="active", vault_2=state, vault_3="standby", vault_4="standby")
    said = words.replacement(replaced(steps=()), NODES_TO_BE, status, "1.21.1", SAVES_TO)
    assert said["changes"] is stops
    assert ("vault-2: Vault and its" in said["lines"][0]) is stops
    assert ("Nothing to do: the peers are the nodes of the inventory." in said["lines"]) is not stops


STATUS = nodes(vault_1="active", vault_2="standby", vault_3="unreachable")
IN_TURN = ["vault-2, a standby", "vault-3 (unreachable)", "vault-1, the active node"]


def rotated(change="", state="none", source="kms_ca", flavour="vault", **differs):
    about = {"change": change, "state": state, "source": source, "published": "the parameter /vaultops/prod/ca"}
    about["flavour"] = flavour
    return words.certificates(STATUS, {name.replace("_", "-"): [what] for name, what in differs.items()}, about)


@pytest.mark.parametrize(
    ("change", "state", "says", "each"),
    [
        ("", "none", "CA that signs now goes on", "the node makes a new key"),
        ("", "begun", "CA that signs now goes on", "the node makes a new key"),
        ("begin", "none", "A new key is made in KMS", "file of the CAs"),
        ("begin", "switched", "the old CA, which signs again", "file of the CAs"),
        ("switch", "begun", "From now on the new CA signs", "the node makes a new key"),
        ("switch", "switched", "new CA goes on signing", "the node makes a new key"),
        ("finish", "switched", "new CA alone", "file of the CAs"),
    ],
)
def test_certificates_are_changed_on_every_node_the_active_one_last(change, state, says, each):
    said = rotated(change, state)
    assert said["changes"] is True and says in said["lines"][0]
    turns = said["lines"][1:4]
    assert [line.partition(":")[0] for line in turns] == IN_TURN
    assert all(each in line and "without a restart" in line for line in turns)
    assert said["lines"][4:] == [words.OLD_FILES, words.REFUSED.format(server="Vault")]


@pytest.mark.parametrize(("change", "state"), [("switch", "none"), ("finish", "begun")])
def test_a_step_of_a_new_ca_that_comes_too_early_is_said_to_be_refused(change, state):
    said = rotated(change, state)
    assert said["changes"] is False
    assert [line.startswith("This run will be refused") for line in said["lines"]] == [True]


@pytest.mark.parametrize(
    ("change", "state", "source", "why"),
    [
        ("begin", "begun", "kms_ca", "vault_tls_ca_change=switch"),
        ("finish", "none", "kms_ca", "no change of the CA"),
        ("", "none", "given", "that were given"),
    ],
)
def test_only_the_nodes_that_differ_are_named_where_nothing_is_issued(change, state, source, why):
    said = rotated(change, state, source)
    assert said["changes"] is False and len(said["lines"]) == 1
    assert said["lines"][0].startswith("Nothing to do: ") and why in said["lines"][0]
    said = rotated(change, state, source, vault_3="the listener")
    assert said["changes"] is True
    assert [line.partition(":")[0] for line in said["lines"][:-2]] == ["vault-3 (unreachable)"]


MANIFEST = dataclasses.asdict(backup(12, 0))


def restored(standings, serves, confirmed=False, observed=None, flavour="vault"):
    about = {"serves": serves, "confirmed": confirmed, "cluster": "prod", "version": "1.21.1", "saves_to": SAVES_TO}
    about["flavour"] = flavour
    return words.restore(MANIFEST, standings, about, observed)


def test_what_serves_is_saved_before_it_is_overwritten_and_wants_its_name():
    said = restored({"vault-1": "serving", "vault-2": "stopped"}, serves=True)
    at = place(
        said,
        "/c/snapshots",
        f"written since {MANIFEST['started_at']} is gone",
        "vault-1, vault-2: Vault restarts",
        "only with -e",
    )
    assert at == sorted(at)
    assert "vault_restore_confirm=prod" in said["lines"][-1]
    # One that does not run is not this run's business where the cluster serves.
    assert not any(line.startswith("vault-2:") for line in said["lines"])
    assert not any("only with" in line for line in restored({"vault-1": "serving"}, True, confirmed=True)["lines"])


def test_what_a_node_does_about_its_volumes_is_said_with_what_brings_it_up():
    seen = {
        "vault-1": {"volumes": {"todo": ["the volume vol-1 is formatted"]}},
        "vault-2": {"volumes": {"todo": ["nobody's"]}},
    }
    said = restored({"vault-1": "empty", "vault-2": "other"}, serves=False, observed=seen)
    place(said, "vault-1: Vault 1.21.1 is installed")
    assert [line for line in said["lines"] if line.endswith("The volume vol-1 is formatted.")]
    assert not any("nobody's" in line.lower() for line in said["lines"])


def test_nodes_that_do_not_run_are_brought_up_before_the_restore():
    said = restored({"vault-1": "empty", "vault-2": "stopped", "vault-3": "other"}, serves=False)
    at = place(
        said,
        "vault-1: Vault 1.21.1 is installed",
        "vault-2: what is there",
        "role of vault-1, vault-2",
        "is restored into",
    )
    assert at == sorted(at)
    assert not any(line.startswith("vault-3:") for line in said["lines"])
    assert not any("unseal key" in line for line in restored({"vault-1": "other"}, serves=False)["lines"])


@pytest.mark.parametrize(
    ("snapshot", "bucket", "says"),
    [
        ("newest", "b-1", "fetches the newest snapshot of the bucket b-1,"),
        ("a.encrypted", "b-1", "fetches a.encrypted of the bucket b-1,"),
        ("/tmp/a", "b-1", "fetches /tmp/a,"),
    ],
)
def test_a_drill_says_what_it_can_not_know_and_that_no_node_restarts(snapshot, bucket, says):
    said = words.drill("vault-4", ["vault-1"], {"snapshot": snapshot, "bucket": bucket, "records": RECORDS})
    assert says in said["lines"][0] and "known only then" in said["lines"][0]
    kept = "kept in records/prod of the bucket b and /c, under drills"
    place(said, "vault-4: Vault is stopped, and its data", kept, "vault-1: nothing restarts")


@pytest.mark.parametrize(("active", "bucket"), [("vault-2", "b-1"), (None, "")])
def test_a_backup_says_who_leads_and_where_the_snapshot_goes(active, bucket):
    said = words.backup(["vault-1", "vault-2"], active, {"bucket": bucket, "prefix": "snapshots"})
    (line,) = [line for line in said["lines"] if line.startswith("vault-1, vault-2: ")]
    assert ("vault-2 now" in line, "could not be seen" in line) == (bool(active), not active)
    assert ("the bucket b-1 under snapshots" in line) is bool(bucket)


def test_what_a_killed_run_has_left_open_is_in_the_plan_of_the_next_one():
    nothing = {"lines": ["Nothing to do: somebody logs in."], "changed": False}
    assert words.regain(nothing, []) == {"changes": False, "lines": nothing["lines"]}
    said = words.regain(nothing, ["vault-1", "vault-2"])
    assert said["changes"]
    assert said["lines"][0] == "somebody logs in."
    place(said, "vault-1, vault-2: enable_unauthenticated_access", "set right, and reloaded")


def rehearsed(kind="graceful", confirmed=False, settle=0, flavour="vault"):
    plan = {"steps": [{"node": "vault-2"}, {"node": "vault-1"}]}
    limits = {"leader_seconds": 10.0, "write_seconds": 12.0, "rejoin_seconds": 60.0}
    about = {"kind": kind, "cluster": "prod", "confirmed": confirmed, "settle_seconds": settle, **limits}
    return words.failover(plan, {**about, "records": RECORDS, "flavour": flavour})


def test_a_fail_over_check_says_which_node_stops_and_how():
    said = rehearsed(settle=20)
    at = place(
        said,
        "waits 20 s",
        "vault-1, the active node: Vault is stopped by SIGTERM",
        "a timer on the node",
        "only with -e",
    )
    assert at == sorted(at)
    assert "more than 10 s, the first write more than 12 s, or the way back more than 60 s" in " ".join(said["lines"])
    assert "under failovers." in " ".join(said["lines"])
    assert "vault_failover_confirm=prod" in said["lines"][at[-1]]
    assert said["changes"] is True
    said = rehearsed("crash", confirmed=True)
    assert "vault-1, the active node: Vault is killed by SIGKILL" in said["lines"][0]
    assert not any("only with" in line for line in said["lines"])


@pytest.mark.parametrize(
    ("started", "left"),
    [([900.0, 950.0], 0), ([900.0, 980.5], 26), ([None, 900.0], 45), ([], 45), ([1002.0], 47)],
)
def test_a_cluster_has_settled_when_its_youngest_process_has(started, left):
    observed = {f"vault-{number}": {"service": {"started": at}} for number, at in enumerate(started)}
    assert words.unsettled_seconds(observed, 1000.0, 45.0) == left


DRILL = {"snapshot": "newest", "bucket": "b", "records": RECORDS, "flavour": "openbao"}
UNSEEN = nodes(vault_1="active", vault_2="standby", vault_4="unreachable")
OF_OPENBAO = {
    "upgrade": lambda: words.upgrade(turns("a turn"), {"vault-1": {}}, "2.6.2", SAVES_TO, "openbao"),
    "replacement": lambda: words.replacement(
        replaced(["vault-4"]), NODES_TO_BE, UNSEEN, "2.6.2", SAVES_TO, flavour="openbao"
    ),
    "certificates": lambda: rotated(flavour="openbao"),
    "restore": lambda: restored(
        {"vault-1": "empty", "vault-2": "uninitialized", "vault-3": "stopped"}, False, flavour="openbao"
    ),
    "drill": lambda: words.drill("vault-4", ["vault-1"], DRILL),
    "graceful": lambda: rehearsed(flavour="openbao"),
    "crash": lambda: rehearsed("crash", flavour="openbao"),
}


@pytest.mark.parametrize("say", OF_OPENBAO.values(), ids=OF_OPENBAO)
def test_of_openbao_no_plan_says_vault(say):
    text = " ".join(say()["lines"])
    assert "OpenBao" in text and "Vault" not in text


def test_a_version_stands_after_the_product_that_has_it():
    place(OF_OPENBAO["upgrade"](), "vault-1: OpenBao 2.6.2 is verified")
    replacement = OF_OPENBAO["replacement"]()
    place(replacement, "vault-4: OpenBao 2.6.2, a new certificate", "vault-2: OpenBao and its snapshots")
    place(OF_OPENBAO["drill"](), "of which version of OpenBao, is known", "OpenBao of that version is installed")
