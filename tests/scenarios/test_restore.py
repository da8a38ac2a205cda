"""Restores that must not happen, and drills that must not pass; what serves is left alone by all of them."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import subprocess
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.state import classify
from kit.bench import Bench
from kit.changes import inside
from kit.drills import last_report, left_on, records
from kit.fault_proxy import Answer, FaultProxy, Rule
from kit.login import as_admin, as_operator, logged_in_as
from kit.mirror import PROXY_PORT
from kit.paths import ROOT
from labkit.settings import ACCOUNT

RESTORE, BACKUP, DRILL = "playbooks/restore.yml", "playbooks/backup.yml", "playbooks/restore_drill.yml"
NAMES = ("vault-1", "vault-2", "vault-3")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A cluster of three that has been backed up once, and a fourth machine for drills."""
    bench = Bench(tmp_path_factory.mktemp("restore"), 4)
    bench.lab_command("down")
    bench.lab_command("up")
    run(bench, "site.yml")
    run(bench, BACKUP)
    yield bench
    bench.lab_command("down")


def with_bucket(bench):
    return "-e", f"vault_snapshot_bucket={bench.lab.name}-snapshots"


def confirmed(bench):
    return "-e", f"vault_restore_confirm={bench.lab.name}"


def inventory(bench):
    hosts = bench.hosts()
    return bench.inventory({name: hosts.pop(name) for name in NAMES}, drill=hosts)


def play(bench, playbook, *arguments):
    """From a machine on which nothing is of the runs before."""
    bench.forget_controller()
    return bench.play(*with_bucket(bench), *arguments, inventory=inventory(bench), playbook=playbook)


def run(bench, playbook, *arguments) -> str:
    code, output = play(bench, playbook, *arguments)
    assert code == 0, output
    return output


def nothing_changed(output) -> bool:
    return output.count("changed=0") >= len(NAMES) and not re.search(r"changed=[1-9]", output)


def cluster(bench):
    return as_operator(bench, bench.lab.nodes[:3])


def admin(bench):
    """For who writes policies."""
    return as_admin(bench, bench.lab.nodes[:3])


def identity(bench) -> tuple[str, str | None]:
    state = classify(read_nodes(cluster(bench)))
    return state["state"], state["cluster_id"]


def wait_until(holds):
    """Nobody answers for the cluster while it elects."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(VaultError):
            if holds():
                return
        if time.monotonic() > deadline:
            pytest.fail("it did not come about within 60 s")
        time.sleep(0.5)


def files(bench, folder):
    """What the tool left on the node that was active, on the controller."""
    for node in bench.lab.nodes[:3]:
        for name in inside(node.container, "ls /var/lib/vault-backup").split():
            content = inside(node.container, f"base64 -w0 /var/lib/vault-backup/{name}")
            (folder / name).write_bytes(base64.b64decode(content))
    return max(folder.glob("*.encrypted"))


def decrypted():
    """Decrypted snapshots on the controller."""
    return list((ROOT / ".ansible" / "tmp").rglob("plain.snap"))


def test_what_serves_is_not_overwritten_without_its_name(lab):
    before = identity(lab)
    for words in ([], ["-e", "vault_restore_confirm=prod"]):
        code, output = play(lab, RESTORE, *words)
        assert code != 0
        assert f"-e vault_restore_confirm={lab.lab.name}" in " ".join(output.split())
    assert identity(lab) == before


def test_check_mode_proves_the_snapshot_and_leaves_nothing(lab):
    before = identity(lab)
    output = " ".join(run(lab, RESTORE, "--check").split())
    assert f"whole, decrypted, and of the cluster {lab.lab.name}." in output, output
    minutes = re.search(r"\b(\d+) minutes ago", output)
    assert minutes, output
    assert int(minutes[1]) < 15
    assert decrypted() == []
    assert identity(lab) == before


def test_a_run_that_fails_on_its_way_leaves_no_decrypted_snapshot(lab):
    """It can't save what the cluster holds now, so it must not go on."""
    before, nodes = identity(lab), [node.container for node in lab.lab.nodes[:3]]
    for node in nodes:
        inside(node, "chown root /var/lib/vault-backup")
    try:
        code, output = play(lab, RESTORE, *confirmed(lab))
    finally:
        for node in nodes:
            inside(node, "chown vault-backup /var/lib/vault-backup")
    assert code != 0
    assert "No snapshot was taken on vault-" in " ".join(output.split()), output
    assert decrypted() == []
    assert identity(lab) == before


def test_a_damaged_snapshot_stops_before_the_cluster_is_touched(lab, tmp_path):
    path = files(lab, tmp_path)
    whole = path.read_bytes()
    before = identity(lab)
    for content, says in ((whole[:-100], "was cut off"), (whole[:2000] + b"x" + whole[2001:], "was changed")):
        path.write_bytes(content)
        code, output = play(lab, RESTORE, "-e", f"vault_restore={path}", *confirmed(lab))
        assert code != 0
        assert says in " ".join(output.split()), output
    assert identity(lab) == before


def test_another_cluster_s_snapshot_is_refused(lab, tmp_path):
    path = files(lab, tmp_path)
    manifest = path.with_name(path.name + ".json")
    # Also by its name, which says whose it is.
    text = manifest.read_text().replace(f'"cluster_name": "{lab.lab.name}"', '"cluster_name": "other"')
    named = path.with_name(path.name.replace(f"{lab.lab.name}_", "other_", 1))
    named.with_name(named.name + ".json").write_text(text.replace(f'"name": "{path.name}"', f'"name": "{named.name}"'))
    path = path.rename(named)
    code, output = play(lab, RESTORE, "-e", f"vault_restore={path}", *confirmed(lab))
    assert code != 0
    assert "is of the cluster other" in " ".join(output.split()), output


def test_a_copy_that_can_not_be_written_stops_it_too(lab):
    before, obstacle = identity(lab), lab.output / "snapshots"
    lab.forget_controller()
    lab.output.mkdir(mode=0o700)
    obstacle.write_text("a file where a directory belongs")
    code, output = lab.play(*with_bucket(lab), *confirmed(lab), inventory=inventory(lab), playbook=RESTORE)
    assert code != 0
    assert "the snapshot could not be written" in " ".join(output.split()), output
    assert decrypted() == []
    assert identity(lab) == before


def test_nowhere_to_save_what_is_there_is_said_before_anything(lab):
    before = identity(lab)
    code, output = play(lab, RESTORE, *confirmed(lab), "-e", "vault_backup=false", "-e", "vault_output_dir=")
    said = " ".join(output.split())
    assert code != 0 and "there is nowhere to" in said and "vault_output_dir" in said and "Nothing was changed" in said
    assert identity(lab) == before


def snapshots(bench):
    names = bench.aws("s3").list_objects_v2(Bucket=bench.bucket, Prefix="snapshots/")["Contents"]
    return {one["Key"] for one in names if one["Key"].endswith(".encrypted")}


def test_a_part_of_the_nodes_is_no_cluster(lab):
    """Neither to be restored, nor to say that it was backed up."""
    code, output = play(lab, RESTORE, "--limit", "vault-1", *confirmed(lab))
    assert code != 0
    assert "without --limit" in " ".join(output.split()), output
    standby = next(node["name"] for node in read_nodes(cluster(lab)) if node["state"] == "standby")
    code, output = play(lab, BACKUP, "--limit", standby)
    assert code != 0
    assert f"of {standby} none was the active node" in " ".join(output.split()), output


def test_a_restore_in_place_brings_back_what_was_and_survives_the_loss_of_the_leader(lab):
    bench = admin(lab)

    def write(text):
        name = bench.active()
        with bench.login(name) as client:
            client.adapter.put("/v1/sys/policies/acl/restored", json={"policy": text})

    def read():
        name = bench.active()
        with bench.login(name) as client:
            return client.adapter.get("/v1/sys/policies/acl/restored")["data"]["policy"]

    write("# before")
    run(lab, BACKUP)
    write("# after")
    taken = snapshots(lab)
    name = max(taken).rpartition("/")[2]
    output = " ".join(run(lab, RESTORE, "-e", f"vault_restore={name}", *confirmed(lab)).split())
    assert "over what served" in output
    assert read() == "# before"
    assert decrypted() == []
    # What was there is not lost either: it is one more in the bucket, the next one's newest, and a copy is here.
    assert len(snapshots(lab) - taken) == 1
    assert list((lab.output / "snapshots").glob("*.snap"))
    newest = max(snapshots(lab)).rpartition("/")[2]
    assert f"{newest}: whole" in " ".join(run(lab, RESTORE, "--check").split())
    leader = next(node for node in lab.lab.nodes if node.hostname == bench.active())
    inside(leader.container, "systemctl stop vault")
    try:
        wait_until(lambda: bench.active() != leader.hostname)
        assert read() == "# before"
    finally:
        inside(leader.container, "systemctl start vault")
    wait_until(lambda: identity(lab)[0] == "live")


def test_a_snapshot_from_before_there_was_an_admin_brings_none_and_the_run_makes_one(lab):
    def of_an_earlier_release(client):
        """One operator, who may do everything."""
        client.adapter.put("/v1/sys/policies/acl/vaultops-operator", json={"policy": state.ADMIN_POLICY})
        # His own rights last, and his policy last of all.
        for who in ("status", "admin"):
            client.adapter.delete(f"/v1/auth/aws/role/vaultops-{who}")
            client.adapter.delete(f"/v1/sys/policies/acl/vaultops-{who}")

    def narrow():
        with admin(lab).login_active() as client:
            policy = client.adapter.get("/v1/sys/policies/acl/vaultops-operator")["data"]["policy"]
        return policy.strip() == state.OPERATOR_POLICY.strip()

    with admin(lab).login_active() as client:
        of_an_earlier_release(client)
    run(lab, BACKUP)
    # What serves is of today; what comes back is not.
    run(lab, "site.yml")
    assert narrow()
    run(lab, RESTORE, *confirmed(lab))
    assert narrow()
    for who in ("operator", "admin", "status"):
        with logged_in_as(who, lab, lab.lab.nodes[:3]).login_active():
            pass
    # Nor may anybody do more than before, or the nodes less.
    run(lab, BACKUP)
    assert nothing_changed(run(lab, "site.yml"))


def test_a_drill_passes_and_leaves_nothing(lab):
    run(lab, DRILL)
    report = last_report(lab)
    assert (report["result"], report["problem"]) == ("passed", None)
    assert report["canary_of"] is not None
    assert report["rpo_seconds"] >= 0 < report["rto_seconds"]
    machine = lab.lab.nodes[3].container
    assert left_on(machine) == []
    assert inside(machine, "systemctl is-active vault || true").strip() == "inactive"
    assert decrypted() == []
    page = (lab.output / "records" / lab.lab.name / "drills" / "drills.html").read_text()
    assert f"Restore drill of {lab.lab.name}: passed" in page == records(lab)["drills/drills.html"]
    said = " ".join(run(lab, "playbooks/status.yml").split())
    assert "Last restore drill: passed" in said, said
    for node in lab.lab.nodes[:3]:
        metric = inside(node.container, "grep -v '#' /var/lib/prometheus/node-exporter/vault_drill.prom").split()
        assert metric[0] == "vault_drill_last_success_timestamp_seconds"
        assert abs(int(metric[1]) - manifest.epoch(report["finished_at"])) <= 1
    assert len(cluster(lab).connection.nodes) == 3
    assert identity(lab)[0] == "live"


def test_a_drill_that_misses_a_value_fails_and_leaves_nothing(lab):
    """As if a write of the time before the snapshot were not in it."""
    key, kept = f"records/{lab.lab.name}/canaries.json", records(lab)["canaries.json"]
    lost = {"written": "2026-01-01T00:00:00Z", "value": "# never written", "sure": True}
    lab.aws("s3").put_object(Bucket=lab.bucket, Key=key, Body=json.dumps([lost]))
    try:
        code, output = play(lab, DRILL)
    finally:
        lab.aws("s3").put_object(Bucket=lab.bucket, Key=key, Body=kept)
    assert code != 0
    assert "the canary of 2026-01-01T00:00:00Z is not there" in " ".join(output.split()), output
    assert left_on(lab.lab.nodes[3].container) == []
    assert last_report(lab)["result"] == "failed"
    assert f"Restore drill of {lab.lab.name}: failed" in records(lab)["drills/drills.html"]


def test_a_drill_that_finds_no_snapshot_is_reported(lab):
    code, output = play(lab, DRILL, "-e", "vault_snapshot_prefix=nothing")
    assert code != 0
    report = last_report(lab)
    assert (report["result"], report["snapshot"]) == ("failed", None)
    assert "holds no complete snapshot" in report["problem"], output


def test_a_drill_on_a_machine_that_holds_data_is_refused(lab):
    machine = lab.lab.nodes[3].container
    inside(machine, "mkdir -p /opt/vault/data/raft && touch /opt/vault/data/raft/raft.db")
    code, output = play(lab, DRILL)
    assert code != 0
    assert "Vault runs or has data on vault-4" in " ".join(output.split()), output
    assert inside(machine, "ls /opt/vault/data/raft").strip() == "raft.db"
    inside(machine, "rm -r /opt/vault/data")


def test_snapshots_end_by_an_explicit_word_and_not_for_want_of_one(lab):
    nodes = [node.container for node in lab.lab.nodes[:3]]

    def schedule():
        return {inside(node, "systemctl is-enabled vault-backup.timer || true").strip() for node in nodes}

    taken = [inside(node, "ls /var/lib/vault-backup") for node in nodes]
    code, output = lab.play(inventory=inventory(lab), playbook="site.yml")
    assert code == 0, output
    assert schedule() == {"enabled"}
    run(lab, "site.yml", "-e", "vault_backup=false")
    assert schedule() == {"disabled"}
    assert [inside(node, "ls /var/lib/vault-backup") for node in nodes] == taken
    assert nothing_changed(run(lab, "site.yml", "-e", "vault_backup=false"))
    run(lab, "site.yml")
    assert schedule() == {"enabled"}


def test_all_data_is_lost_and_comes_back_whether_a_node_runs_or_not(lab):
    """One that runs and holds nothing, one that is empty, one that lost its release and its configuration too."""
    run(lab, BACKUP)
    before = identity(lab)
    nodes = [node.container for node in lab.lab.nodes[:3]]
    for node in nodes:
        inside(node, "systemctl stop vault && rm -rf /opt/vault/data/*")
    inside(nodes[0], "systemctl start vault")
    inside(
        nodes[2],
        "rm -rf /etc/vault.d /etc/systemd/system/vault.service /usr/local/bin/vault && systemctl daemon-reload",
    )
    output = " ".join(run(lab, RESTORE).split())
    assert "into nodes without data" in output
    assert identity(lab) == before
    assert decrypted() == []
    run(lab, BACKUP)
    assert nothing_changed(run(lab, "site.yml"))


def test_nodes_that_were_only_stopped_are_not_overwritten_without_the_name(lab):
    before = identity(lab)
    for node in lab.lab.nodes[:3]:
        inside(node.container, "systemctl stop vault")
    code, output = play(lab, RESTORE)
    assert code != 0
    assert f"-e vault_restore_confirm={lab.lab.name}" in " ".join(output.split()), output
    assert decrypted() == []
    assert identity(lab) == before


def test_without_a_bucket_the_nodes_know_what_a_restore_has_to_bring_back(lab, tmp_path):
    nowhere = ("-e", "vault_snapshot_bucket=", "-e", "vault_backup=true", "-e", "vault_output_dir=")
    nodes, record = lab.lab.nodes[:3], f"/var/lib/vaultops-records/canaries-{lab.lab.name}.json"

    def noted():
        found = [json.loads(inside(node.container, f"cat {record}")) for node in nodes]
        assert found[0] == found[1] == found[2]
        return found[0]

    run(lab, BACKUP, *nowhere)
    # That of the bucket is there, too.
    *_others, first = noted()
    assert first["sure"] is True
    modes = {inside(node.container, f"stat -c '%U %a' {record}").strip() for node in nodes}
    assert modes == {"root 600"}
    # Two were replaced, and what one alone has counts: here a value that is not in the snapshot, then the one that is.
    lost = {"written": "2026-01-01T00:00:00Z", "value": "# never written", "sure": True}
    for node in nodes[:2]:
        inside(node.container, f"rm {record}")
    later = ("-e", f"vault_restore={files(lab, tmp_path)}", *confirmed(lab))
    inside(nodes[2].container, f"echo '{json.dumps([lost])}' > {record}")
    code, output = play(lab, RESTORE, *nowhere, *later)
    assert code != 0
    assert f"the canary of {lost['written']} is not there (an unknown one is)" in " ".join(output.split()), output
    inside(nodes[2].container, f"echo '{json.dumps([first])}' > {record}")
    run(lab, RESTORE, *nowhere, *later)
    assert noted()[0] == first
    assert [one["sure"] for one in noted()] == [True, True]
    # A directory that is named later gets a copy, and a bucket all that is known.
    run(lab, BACKUP, *nowhere, "-e", f"vault_output_dir={tmp_path}")
    copy = tmp_path / "records" / lab.lab.name / "canaries.json"
    on_nodes = noted()
    assert json.loads(copy.read_text()) == on_nodes and len(on_nodes) == 3
    run(lab, BACKUP)
    in_bucket = json.loads(records(lab)["canaries.json"])
    assert [one for one in in_bucket if one in on_nodes] == on_nodes
    assert noted() == in_bucket, "a later run without the bucket knows as much"


def test_a_snapshot_of_another_key_s_time_is_refused_with_the_cause(lab, tmp_path):
    """The same cluster name on the same nodes, and another unseal key; then the old key is gone, too."""
    path = files(lab, tmp_path)
    key = json.loads(path.with_name(path.name + ".json").read_text())["seal_key_arn"]
    lab.forget_cluster()
    another = ["-e", "vault_kms_key_alias=alias/another"]
    run(lab, "site.yml", *another)
    before = identity(lab)
    words = [*another, "-e", f"vault_restore={path}", *confirmed(lab)]
    words += ["-e", "vault_restore_any_cluster=true", "-e", json.dumps({"vault_restore_key_arns": [key]})]
    code, output = play(lab, RESTORE, *words)
    assert code != 0
    assert f"of the time of another unseal key, {key}" in " ".join(output.split()), output
    # The stand-in itself decrypts with keys that are disabled.
    disabled = Rule("Decrypt", Answer("DisabledException"), every=True)
    with FaultProxy((lab.lab.gateway, PROXY_PORT), lab.lab.aws_url, [disabled]) as proxy:
        words += ["-e", "vault_restore_any_key=true", "-e", f"vault_aws_endpoint_url={proxy.url}"]
        code, output = play(lab, RESTORE, *words)
    assert code != 0
    assert "Enable the key" in " ".join(output.split()), output
    assert identity(lab) == before


def test_a_snapshot_from_before_people_logged_in_by_iam_is_brought_over_by_the_run_that_it_names(lab):
    """Nobody can log in to what was restored but by certificate, and that run has none."""
    me = {"vault_admins": [f"arn:aws:iam::{ACCOUNT}:user/moto"]}
    by_certificate = ("-e", "vault_login_method=cert")
    lab.forget_cluster()
    for key in snapshots(lab):
        lab.aws("s3").delete_object(Bucket=lab.bucket, Key=key)
    run(lab, "site.yml", *by_certificate)
    run(lab, BACKUP, *by_certificate)
    name = snapshots(lab).pop().rpartition("/")[2]
    run(lab, "site.yml", *by_certificate, "-e", json.dumps(me))
    run(lab, "site.yml", "-e", json.dumps(me))
    before = identity(lab)
    code, output = play(lab, RESTORE, "-e", f"vault_restore={name}", "-e", json.dumps(me), *confirmed(lab))
    said = " ".join(output.split())
    assert code != 0, output
    assert "run site.yml once with -e vault_login_method=cert, and vault_admins set" in said, output
    assert decrypted() == []
    run(lab, "site.yml", *by_certificate, "-e", json.dumps(me))
    assert identity(lab) == before
    run(lab, "site.yml", "-e", json.dumps(me))
    assert nothing_changed(run(lab, "site.yml", "-e", json.dumps(me)))
    run(lab, BACKUP)
    run(lab, RESTORE, *confirmed(lab))


def test_a_drill_whose_machine_goes_away_is_reported(lab):
    """The last test: the machine does not come back."""
    machine = lab.lab.nodes[3].container
    process = lab.start_play(*with_bucket(lab), inventory=inventory(lab), playbook=DRILL)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Install a verified release" in line:
            subprocess.run(["docker", "kill", machine], check=True, capture_output=True)
    assert process.wait(timeout=60) != 0
    output = "".join(lines)
    report = last_report(lab)
    assert report["result"] == "failed", output
    assert "Vault may still run on vault-4" in report["problem"]
    assert decrypted() == []
