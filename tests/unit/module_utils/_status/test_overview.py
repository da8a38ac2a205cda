"""The cluster in one document, in a few lines, and in what somebody should look at."""

from __future__ import annotations

import base64
import json
import re

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import words
from ansible_collections.vaultops.cluster.plugins.module_utils._status import document as made_of
from ansible_collections.vaultops.cluster.plugins.module_utils._status import findings, overview, render, sight
from kit import status_samples as samples
from kit.paths import ROOT
from kit.status_samples import KEY, certificates, dead, document, node, peer, raft, snapshots, status

DOCUMENTED = (ROOT / "docs" / "status.md").read_text()


def texts(made):
    return [f"{one['level']}: {one['text']}" for one in made["findings"]]


def test_every_node_has_a_line_and_so_has_a_peer_that_nobody_named():
    found = overview.lines(samples.degraded())
    assert found[0].startswith("The cluster is degraded")
    assert "3 voters, of which 0 may fail" in found[0]
    assert "vault-1: active, 1.21.1, unsealed (awskms); voter vault-1, healthy, index 104811" in found[1]
    assert "vault-2: unreachable (vault-2: no connection" in found[2]
    assert "no certificate could be read" in found[2]
    assert "expires in -2 days (2026-11-23), and clients do not accept it: certificate has expired" in found[3]
    assert "Notice: vault-9 (10.0.0.9:8201) is a peer, and not in the inventory." in found


def test_a_healthy_cluster_leaves_nothing_to_look_at():
    made = document()
    found = overview.lines(made)
    assert made["findings"] == []
    assert found[4:] == [
        "Unseal key alias/vault-unseal: Enabled, rotated every 365 days",
        "Autopilot: healthy, dead servers are kept",
        "Audit devices: file (file), journal (file)",
        "Last snapshot: 3 hours 11 minutes ago (2026-11-25 06:00 UTC), 13.5 MiB, taken on vault-1: "
        "prod_20261125T060004Z_104027_vault-1.snap.encrypted",
        "Last restore drill: passed 5 days 5 hours ago (2026-11-20 04:00 UTC), lost at most 3 hours 12 minutes, "
        "restored within 41 seconds",
    ]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            samples.audit(requests="hang"),
            "problem: Requests hang on vault-1, though its health says that it is well: a blocked audit device is "
            "the likely cause.",
        ),
        (
            samples.audit(requests="fail"),
            "problem: Requests fail on vault-1, though its health says that it is well: that no audit device can be "
            "written to is the likely cause (vault-1: no answer in time.).",
        ),
        (
            samples.audit("file"),
            "notice: Only one audit device is enabled (file): when it fails, Vault refuses every request.",
        ),
        (
            {**samples.audit(), "devices": {}},
            "problem: No audit device is enabled: nobody can tell afterwards who did what.",
        ),
        (
            {**samples.audit(), "devices": None, "problem": "vault-1: permission denied."},
            "unknown: The audit devices can't be read: vault-1: permission denied.",
        ),
        ({"msg": "no answer.", "failed": False}, "unknown: The audit devices can't be read: no answer."),
    ],
)
def test_what_the_audit_devices_do_to_requests_is_said(found, says):
    assert texts(document(audit=found)) == [says]


def test_requests_that_hang_are_an_outage_though_a_node_is_active():
    assert sight.outage(document()) is None
    assert sight.outage(document(audit=samples.audit("file"))) is None
    for what in ("hang", "fail"):
        said = sight.outage(document(audit=samples.audit(requests=what)))
        assert said == f"The cluster prod serves nobody: requests {what} on vault-1, which is active."


def test_nobody_asks_for_devices_where_no_node_is_active():
    assert [text for text in texts(samples.down()) if "audit" in text] == []


def test_without_a_login_the_peers_are_left_out_and_the_reason_is_said():
    made = document(raft={"msg": "vault-1: the operator can't log in.", "failed": False})
    assert made["raft"]["failure_tolerance"] is None
    assert not any("peer" in line for line in overview.lines(made)[:4])
    assert texts(made) == ["unknown: The Raft peers can't be read: vault-1: the operator can't log in."]


def test_a_node_whose_api_has_another_address_than_its_peer_is_found_by_its_id():
    urls = [
        node(n, state="active" if n == 1 else "standby", url=f"https://vault-{n}.example.com:8200") for n in (1, 2, 3)
    ]
    named = {**samples.ABOUT, "node_ids": {f"vault-{n}": f"vault-{n}" for n in (1, 2, 3)}}
    made = document(about=named, status=status(urls))
    assert (made["findings"], made["raft"]["unknown_peers"]) == ([], [])
    moved = document(about=named, raft=raft(peer(1), peer(2), peer(3, node_id="old-3")))
    assert texts(moved) == [
        "problem: vault-3 is no Raft peer.",
        "notice: old-3 (10.0.0.3:8201) is a peer, and not in the inventory.",
    ]


def test_what_was_not_asked_is_said_too():
    made = document(about={**samples.ABOUT, "bucket": ""}, raft={"skipped": True}, snapshots={"skipped": True})
    assert made["snapshots"]["problem"] == "no bucket is set (vault_snapshot_bucket)"
    assert made["raft"]["problem"] == "no node is active, so there is nobody to ask"
    assert made["autopilot"] == {"settings": None, "problem": made["raft"]["problem"]}


def nodes_with(*changed):
    by_name = {one["name"]: one for one in changed}
    return [by_name.get(one["name"], one) for one in (node(1, state="active"), node(2), node(3))]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"status": status([node(1), node(2), node(3)], "degraded")}, "problem: No node is active"),
        ({"status": status([node(1), dead(2), dead(3)], "degraded")}, "notice: Nodes that run have no leader"),
        ({"key": {"kms_keys": [{**samples.KEY, "arn": "arn:another"}]}}, "notice: The newest snapshot needs"),
        ({"status": status(nodes_with(dead(2)), "degraded")}, "problem: vault-2 does not answer: no connection to"),
        ({"status": status(nodes_with(node(2, state="sealed")), "degraded")}, "problem: vault-2 is sealed"),
        (
            {"status": status(nodes_with(node(2, state="removed")), "degraded")},
            "problem: vault-2 was told that it is no member of the cluster, and stays out however often it starts",
        ),
        ({"status": status(nodes_with(node(3, state="uninitialized")), "partial")}, "problem: vault-3 has not joined"),
        (
            {"status": status(nodes_with(), "split", "vault-1 is in cluster a")},
            "problem: The nodes are in different clusters",
        ),
        ({"status": status(nodes_with(node(3, version="1.20.4")))}, "notice: The nodes run different versions"),
        ({"raft": raft(peer(1), peer(2))}, "problem: vault-3 is no Raft peer."),
        (
            {"raft": raft(peer(1), peer(2), peer(3, healthy=False))},
            "problem: Autopilot calls these peers unhealthy: vault-3.",
        ),
        ({"raft": raft(tolerance=0)}, "problem: The next voter that fails"),
        ({"certificates": certificates(nodes_with(), vault_2=29)}, "notice: vault-2's certificate expires in 29 days."),
        (
            {"certificates": certificates(nodes_with(), vault_2=-1)},
            "problem: Clients do not accept vault-2's certificate",
        ),
        ({"certificates": {"msg": "no."}}, "unknown: vault-1's certificate can't be read: no."),
        ({"key": {"kms_keys": []}}, "unknown: The unseal key can't be read: alias/vault-unseal does not exist."),
        (
            {
                "key": {
                    "kms_keys": [
                        {**KEY, "enabled": False, "key_state": "PendingDeletion", "deletion_date": "2026-12-24T0"}
                    ]
                }
            },
            "problem: The unseal key is PendingDeletion, and is deleted on 2026-12-24: a node that restarts now stays sealed.",
        ),
        ({"key": {"kms_keys": [{**KEY, "rotation_enabled": False}]}}, "notice: KMS does not rotate the unseal key."),
        ({"snapshots": snapshots(0)}, "problem: There is no snapshot in the bucket."),
        ({"snapshots": snapshots(3, last="2026-11-25T01:11:59Z")}, "problem: The last snapshot was begun 8 hours ago."),
        (
            {"snapshots": {**snapshots(3), "future_dated": [{"key": "k", "name": "prod_x", "node_name": "vault-2"}]}},
            "problem: prod_x claims to be from the future, so it does not count: look at the clock of vault-2.",
        ),
        ({"snapshots": {"msg": "Access\nDenied."}}, "unknown: The snapshots can't be read: Access Denied."),
        ({"drills": {}}, "notice: Nobody knows whether a snapshot can be restored"),
        (
            {"drills": {"a": '{"finished_at": "2026-01-01T00:00:00Z", "result": "passed"}'}},
            "notice: The last restore drill was 328 days",
        ),
        (
            {"drills": {"a": '{"finished_at": "2026-11-24T00:00:00Z", "result": "passed"}'}},
            "notice: The last restore drill found no canary",
        ),
        (
            {"drills": {"a": '{"finished_at": "2026-11-01T00:00:00Z", "result": "failed", "problem": "no quorum"}'}},
            "problem: The last restore drill failed: no quorum.",
        ),
    ],
)
def test_each_finding(changes, says):
    found = texts(document(**changes))
    assert any(one.startswith(says) for one in found), found


def drilled(finished_at):
    return {"drills/1.json": json.dumps({**samples.DRILL, "finished_at": finished_at})}


def levels_of(changes, **about):
    return {one["level"] for one in document(about={**samples.ABOUT, **about}, **changes)["findings"]}


@pytest.mark.parametrize(
    ("about", "late", "in_time"),
    [
        # Without any of them: 8 hours, 30 days, 90 days.
        (
            {},
            {"snapshots": snapshots(3, last="2026-11-25T01:11:59Z")},
            {"snapshots": snapshots(3, last="2026-11-25T01:12:00Z")},
        ),
        (
            {"snapshot_every_seconds": 6 * 3600},
            {"snapshots": snapshots(3, last="2026-11-25T01:11:59Z")},
            {"snapshots": snapshots(3, last="2026-11-25T01:12:00Z")},
        ),
        (
            {"snapshot_every_seconds": 3600},
            {"snapshots": snapshots(3, last="2026-11-25T07:51:59Z")},
            {"snapshots": snapshots(3, last="2026-11-25T07:52:00Z")},
        ),
        (
            {},
            {"certificates": certificates(nodes_with(), vault_2=29)},
            {"certificates": certificates(nodes_with(), vault_2=30)},
        ),
        (
            {"renew_days": 7},
            {"certificates": certificates(nodes_with(), vault_2=6)},
            {"certificates": certificates(nodes_with(), vault_2=7)},
        ),
        ({}, {"drills": drilled("2026-08-27T09:11:59Z")}, {"drills": drilled("2026-08-27T09:12:00Z")}),
        ({"drill_days": 10}, {"drills": drilled("2026-11-15T09:11:59Z")}, {"drills": drilled("2026-11-15T09:12:00Z")}),
        (
            {"drill_days": None},
            {"drills": drilled("2026-08-27T09:11:59Z")},
            {"drills": drilled("2026-08-27T09:12:00Z")},
        ),
    ],
)
def test_what_is_late_follows_from_the_inputs(about, late, in_time):
    assert levels_of(late, **about)
    assert levels_of(in_time, **about) == set()


def test_a_snapshot_that_is_half_as_big_is_noticed_and_one_that_is_a_little_smaller_is_not():
    taken = snapshots(3)
    taken["snapshots"][-1]["plain_bytes"] = taken["snapshots"][-2]["plain_bytes"] // 2
    assert document(snapshots=taken)["findings"] == []
    taken["snapshots"][-1]["plain_bytes"] -= 1
    assert texts(document(snapshots=taken)) == [
        "notice: The last snapshot is less than half as big as the one before (12.5 MiB)."
    ]


MULTI = "arn:aws:kms:{}:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"


@pytest.mark.parametrize(
    ("sealed_by", "is_found"),
    [
        (MULTI.format("eu-west-1"), False),
        # Restored in the second region: the replica opens it.
        (MULTI.format("eu-central-1"), False),
        (KEY["arn"], True),
    ],
)
def test_a_snapshot_that_the_key_does_not_open_is_found(sealed_by, is_found):
    taken = snapshots(3)
    taken["snapshots"][-1]["seal_key_arn"] = sealed_by
    key = {"kms_keys": [{**KEY, "arn": MULTI.format("eu-west-1")}]}
    found = [text for text in texts(document(snapshots=taken, key=key)) if "The newest snapshot needs the key" in text]
    assert bool(found) is is_found


@pytest.mark.parametrize(
    ("states", "named"),
    [
        (["COMPLETED", "COMPLETED", None], 2),
        # The newest waits still, and is no answer.
        (["COMPLETED", None, "PENDING"], 1),
        ([None, None, "COMPLETED"], None),
        (["REPLICA", "REPLICA", "REPLICA"], None),
    ],
)
def test_a_snapshot_that_no_rule_covers_is_found_where_copies_are_wanted(states, named):
    taken = snapshots(3)
    for one, state in zip(taken["snapshots"], states, strict=True):
        one["replication"] = state
    taken["snapshots"][-1]["started_at"] = words.iso(samples.NOW - 3000)
    about = {**samples.ABOUT, "replica_bucket": "example-there"}
    found = texts(document(snapshots=taken, about=about))
    said = [] if named is None else [f"notice: S3 does not copy {taken['snapshots'][named]['name']} to example-there: "]
    assert [text[: len(said[0])] if said else text for text in found] == said
    # Where nobody wants any, there is nothing to say.
    assert texts(document(snapshots=taken)) == []


@pytest.mark.parametrize(
    ("states", "said"),
    [
        # The last was begun 50 minutes before the look, and each of the others some hours earlier.
        ([None, None, None], ""),
        (["REPLICA", "REPLICA", "REPLICA"], ""),
        (["COMPLETED", "COMPLETED", "PENDING"], ""),
        (["FAILED", "COMPLETED", "COMPLETED"], ""),
        (["COMPLETED", "PENDING", "COMPLETED"], ""),
        (["COMPLETED", "PENDING", "PENDING"], "notice: S3 has not copied "),
        (["COMPLETED", "COMPLETED", "FAILED"], "problem: S3 could not copy "),
        (["COMPLETED", "FAILED", "PENDING"], "problem: S3 could not copy "),
    ],
)
def test_a_copy_that_does_not_arrive_in_the_second_region_is_found(states, said):
    taken = snapshots(3)
    for one, state in zip(taken["snapshots"], states, strict=True):
        one["replication"] = state
    taken["snapshots"][-1]["started_at"] = words.iso(samples.NOW - 3000)
    found = texts(document(snapshots=taken))
    assert [text[: len(said)] for text in found] == ([said] if said else [])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"finished_at": 3}',
        '{"finished_at": "x"}',
        '{"finished_at": "2026-11-01T00:00:00Z", "rto_seconds": "1"}',
    ],
)
def test_a_drill_that_can_not_be_read_is_said_and_does_not_hide_another(text):
    made = document(drills={"broken": text})
    assert made["drill"]["last"] is None
    assert made["drill"]["problem"].startswith("broken can't be read")
    made = document(drills={"broken": text, "good": json.dumps(samples.DRILL)})
    assert made["drill"]["last"]["result"] == "passed"
    assert len(made["findings"]) == 1


def test_reports_that_may_not_be_read_are_said_and_none_that_are_kept_are_none_that_were_made():
    def of(found):
        nodes = [samples.node(1, state="active")]
        known = {"about": samples.ABOUT, "status": samples.status(nodes), "certificates": samples.certificates(nodes)}
        return made_of.document(samples.NOW, **known, drills=found)["drill"]["problem"]

    assert of({"msg": "s3://b/records/prod/drills: s3:ListObjectsV2 was refused"}).endswith("was refused")
    assert of({"texts": {}, "kept": True}) == "no restore drill has left a report"
    assert of({"texts": {}, "kept": False}).startswith("no report is kept")
    assert of(None) == "nobody looked for reports"


def machines(*launched):
    found = [{"instance_id": f"i-{number}", "launch_time": at} for number, at in enumerate(launched, 1)]
    return {"instances": found}


def test_a_machine_that_a_killed_drill_has_left_is_named_with_the_command_that_ends_it():
    made = document(machines=machines("2026-11-25T06:11:59+00:00", "2026-11-25T06:12:01+00:00"))
    (late, level), (young, other) = ((one["text"], one["level"]) for one in made["findings"])
    assert (level, other) == ("problem", "notice")
    assert late.startswith("The instance i-1, launched for a restore drill 3 hours")
    for text, identifier in ((late, "i-1"), (young, "i-2")):
        assert f"aws ec2 terminate-instances --region eu-central-1 --instance-ids {identifier}" in text
    assert "If no drill runs" in young
    assert made["drill"]["machines"][0]["age_seconds"] == 10801
    late_one = document(about={**samples.ABOUT, "drill_minutes": "10"}, machines=machines("2026-11-25T09:01:00+00:00"))
    assert [one["level"] for one in late_one["findings"]] == ["problem"]


@pytest.mark.parametrize("found", [None, {"skipped": True}, machines()])
def test_no_machine_of_a_drill_is_no_finding(found):
    made = document(machines=found)
    assert (made["findings"], made["drill"]["machines"], made["drill"]["machines_problem"]) == ([], [], None)


def test_machines_of_drills_that_may_not_be_read_are_said():
    (only,) = document(machines={"msg": "ec2:DescribeInstances was refused"})["findings"]
    assert only["level"] == "unknown"
    assert only["text"].startswith(
        "Whether a restore drill has left a machine can't be read: ec2:DescribeInstances was"
    )


def test_the_newest_drill_counts():
    older = {**samples.DRILL, "finished_at": "2026-11-19T00:00:00Z", "result": "failed"}
    made = document(drills={"z": json.dumps(older), "a": json.dumps(samples.DRILL)})
    assert made["drill"]["last"]["result"] == "passed"
    assert made["drill"]["last"]["age_seconds"] == 450720


@pytest.mark.parametrize("make", samples.EVERY.values(), ids=samples.EVERY)
def test_the_document_is_json_and_every_field_is_documented(make):
    def names(value, path=""):
        if isinstance(value, dict) and path != "autopilot.settings":
            for key, inner in value.items():
                yield from names(inner, f"{path}.{key}".lstrip("."))
        elif isinstance(value, list):
            for inner in value:
                yield from names(inner, f"{path}[]")
        yield path

    made = make()
    assert json.loads(json.dumps(made)) == made
    documented = set(re.findall(r"`([a-z_.\[\]]+)`", DOCUMENTED))
    missing = {re.sub(r"\[\]$", "", path) for path in names(made) if path} - documented
    assert {path for path in missing if not path.startswith("snapshots.last.")} == set()
    levels = [findings.LEVELS.index(one["level"]) for one in made["findings"]]
    assert levels == sorted(levels)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (3600, "1 hour"),
        (3661, "1 hour 1 minute"),
        (90000, "1 day 1 hour"),
    ],
)
def test_durations(seconds, said):
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 30, "5.0 GiB")])
def test_sizes(count, said):
    assert words.size(count) == said


@pytest.mark.parametrize("text", ["2026-11-25T09:12:00Z", "2026-11-25T09:12:00", "2026-11-25T10:12:00+01:00"])
def test_times_without_a_zone_are_utc(text):
    assert words.iso(words.epoch(text)) == "2026-11-25T09:12:00Z"


def probed(*lines):
    return {"content": base64.b64encode("\n".join(lines).encode()).decode()}


LAST = int(samples.NOW) - 20
RUN = f"vault_probe_last_run_timestamp_seconds {LAST}"
WELL = (
    "vault_probe_success 1",
    'vault_probe_step_success{step="login"} 1',
    'vault_probe_step_duration_seconds{step="login"} 0.040',
    'vault_probe_step_duration_seconds{step="write"} 0.012',
    RUN,
    f"vault_probe_last_success_timestamp_seconds {LAST}",
)


@pytest.mark.parametrize(
    ("found", "line", "says"),
    [
        (probed(*WELL), "probed 20 seconds ago in 0.05 s", []),
        (
            probed("vault_probe_success 0", 'vault_probe_step_success{step="write"} 0', RUN),
            "probe failed 20 seconds ago at its step write",
            [
                "problem: vault-1's probe failed 20 seconds ago at its step write: 'journalctl -u vault-probe' there says why."
            ],
        ),
        (
            probed("vault_probe_success 0", RUN),
            "probe failed 20 seconds ago before its first step",
            [
                "problem: vault-1's probe failed 20 seconds ago before its first step: 'journalctl -u vault-probe' there "
                "says why."
            ],
        ),
        (
            probed(*WELL[:-2], f"vault_probe_last_run_timestamp_seconds {LAST - 3600}"),
            "probed 1 hour ago in 0.05 s",
            ["problem: vault-1's last probe was 1 hour ago: look at 'systemctl status vault-probe.timer' there."],
        ),
        (
            {"msg": "file not found: /x.prom"},
            "its last probe can't be read (file not found: /x.prom)",
            ["unknown: vault-1's last probe can't be read: file not found: /x.prom."],
        ),
        (
            {"unreachable": True, "msg": "no route"},
            "its last probe can't be read (no route)",
            ["unknown: vault-1's last probe can't be read: no route."],
        ),
        (
            probed("vault_probe_success x"),
            "its last probe can't be read (its metrics say nothing of a run)",
            ["unknown: vault-1's last probe can't be read: its metrics say nothing of a run."],
        ),
    ],
)
def test_a_probe_that_fails_or_is_late_is_a_finding(found, line, says):
    made = document(probes={"vault-1": found, "vault-2": {"skipped": True}})
    assert texts(made) == says
    assert overview.lines(made)[1].endswith(f"; {line}")
    assert [one["probe"] is None for one in made["nodes"]] == [False, True, True]


def test_what_a_probe_has_measured_is_in_the_document():
    made = document(probes={"vault-1": probed(*WELL)})["nodes"][0]["probe"]
    assert made == {
        "success": True,
        "failed_step": None,
        "seconds": 0.052,
        "finished_at": words.iso(LAST),
        "age_seconds": 20,
        "last_success_at": words.iso(LAST),
        "problem": None,
    }


def test_the_page_says_it_beside_the_node_s_state():
    said = render.status(document(probes={"vault-1": probed(*WELL)}))
    assert "<small>probed 20 seconds ago in 0.05 s</small>" in said
    assert "probed" not in render.status(document())
