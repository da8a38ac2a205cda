"""Audit files on a real cluster: rotated by logrotate, sent once with the node's own role, and removed by rotation alone."""

from __future__ import annotations

import gzip
import json
import subprocess
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import archive
from ansible_collections.vaultops.cluster.plugins.module_utils._common import samples
from kit.changes import inside, make_cluster
from kit.login import as_operator
from labkit.settings import cache

METRICS = "/var/lib/prometheus/node-exporter/vault_audit_archive.prom"
STATE = "/var/lib/vault-audit-archive"
LEFT = [
    "/etc/systemd/system/vault-audit-archive.service",
    "/etc/systemd/system/vault-audit-archive.timer",
    "/etc/vault-backup/audit.json",
    METRICS,
]
MANY = 150
WAIT_SECONDS = 60
# Files as logrotate leaves them, of which nobody has sent any.
MAKE_MANY = """
import gzip, json, os, pwd
user = pwd.getpwnam("vault")
for number in range(MANY):
    path = f"/var/log/vault/audit.log.{100 + number}.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(json.dumps({"time": f"2026-11-01T00:{number % 60:02}:00Z", "n": number}).encode() + b"\\n")
    os.chown(path, user.pw_uid, user.pw_gid)
    os.chmod(path, 0o600)
    os.utime(path, (1_790_000_000 + number,) * 2)
""".replace("MANY", str(MANY))


def told(bench, **more) -> dict[str, object]:
    return {
        "vault_snapshot_bucket": bench.bucket,
        "vault_backup": False,
        "vault_backup_bundle_dir": str(cache() / "backup-tool"),
        **more,
    }


def play(bench, *arguments: str, **more) -> str:
    code, output = bench.play("-e", json.dumps(told(bench, **more)), *arguments)
    assert code == 0, output
    return " ".join(output.split())


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    """Brought up without an archive; then one run of site.yml has it."""
    bench = make_cluster(fresh_lab, **told(fresh_lab))
    assert "vault-audit-archive.timer" in play(bench, "--check", "--diff", vault_audit_archive=True)
    assert inside(node(bench), f"ls -d {' '.join(LEFT)} 2>/dev/null || true") == ""
    play(bench, vault_audit_archive=True)
    return bench


def node(bench, number: int = 1) -> str:
    return f"{bench.lab.name}-vault-{number}"


def send(container: str) -> tuple[bool, str]:
    """One run as its timer makes it, and what it said."""
    done = subprocess.run(
        ["docker", "exec", container, "systemctl", "start", "vault-audit-archive.service"],
        capture_output=True,
        check=False,
    )
    said = inside(
        container,
        "run=$(systemctl show --property InvocationID --value vault-audit-archive.service); "
        'journalctl --no-pager --output cat "_SYSTEMD_INVOCATION_ID=$run"',
    )
    return done.returncode == 0, said


def values(container: str) -> dict[str, float]:
    found = samples.parse(inside(container, f"cat {METRICS}"), archive.HELP)
    return {name.removeprefix("vault_audit_archive_"): value for name, value in found.items()}


def objects(bench, number: int = 1) -> dict[str, tuple[str, bytes]]:
    """When each object of a node's was written, and what it says."""
    s3, prefix = bench.aws("s3"), f"audit/{bench.lab.name}/vault-{number}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bench.bucket, Prefix=prefix)
    listed = [one for page in pages for one in page.get("Contents", [])]
    return {
        one["Key"]: (
            str(one["LastModified"]),
            gzip.decompress(s3.get_object(Bucket=bench.bucket, Key=one["Key"])["Body"].read()),
        )
        for one in listed
    }


def rotate(container: str) -> None:
    """By logrotate itself; the file counts as rotated a while ago."""
    inside(container, "logrotate --force /etc/logrotate.d/vault; touch -d '10 minutes ago' /var/log/vault/audit.log.1")


def ask_something(bench) -> None:
    """So that there is something in the audit file of the active node, whichever it is."""
    vault = as_operator(bench)
    for _ in range(3):
        with vault.login_active() as client:
            client.adapter.get("/v1/sys/auth")


def test_a_second_run_has_nothing_to_do(cluster):
    assert play(cluster, vault_audit_archive=True).count("changed=0") == 4


def test_what_logrotate_rotates_is_in_the_bucket_once_and_still_here(cluster):
    active = node(cluster, int(as_operator(cluster).active()[-1]))
    number = int(active[-1])
    for turn in (1, 2, 3):
        ask_something(cluster)
        rotate(active)
        went_well, said = send(active)
        assert went_well and said.count("sent as s3://") == 1 and "already" not in said, said
        assert len(objects(cluster, number)) == turn
    here = inside(
        active, "cd /var/log/vault; for f in $(ls -v audit.log.*); do case $f in *.gz) zcat $f;; *) cat $f;; esac; done"
    )
    there = [content for _when, content in objects(cluster, number).values()]
    assert sum(map(len, there)) == len(here.encode()) and b"".join(sorted(there)) and len(there) == 3
    assert inside(active, "ls -v /var/log/vault").split() == [
        "audit.log",
        "audit.log.1",
        "audit.log.2.gz",
        "audit.log.3.gz",
    ]
    assert inside(active, "stat -c '%U %a' /var/log/vault/audit.log.1 /var/log/vault").split() == [
        "vault",
        "600",
        "vault",
        "700",
    ]
    assert all(one.split("/")[-1].startswith("audit.log-20") for one in objects(cluster, number))
    went_well, said = send(active)
    assert went_well and said == "" and values(active)["unsent_files"] == 0


def runs_there(container: str, command: str) -> tuple[bool, str]:
    """Whether a command does what it is to, in the place of the tool and with all that its unit has, and what it says."""
    folder = "/run/systemd/system/vault-audit-archive.service.d"
    inside(
        container,
        f"mkdir -p {folder}; "
        f"printf '[Service]\\nExecStart=\\nExecStart={command}\\n' >{folder}/test.conf; "
        "systemctl daemon-reload",
    )
    try:
        return send(container)
    finally:
        inside(container, f"rm -r {folder}; systemctl daemon-reload")


def test_its_service_reads_audit_files_and_nothing_else_of_vault_s(cluster):
    container = node(cluster, int(as_operator(cluster).active()[-1]))
    ask_something(cluster)
    went_well, said = runs_there(container, "/usr/bin/cat /var/log/vault/audit.log")
    assert went_well and '"request"' in said
    for path in ("/etc/vault.d/tls/vault.key", "/opt/vault/data/vault.db", "/etc/shadow"):
        inside(container, f"test -s {path}")
        went_well, said = runs_there(container, f"/usr/bin/cat {path}")
        # In the place of a file that is hidden there is an empty one, which it may open.
        assert not went_well and "No such file" in said or went_well and said == "", path
    assert not runs_there(container, "/usr/bin/touch /var/log/vault/new")[0]
    assert " 1." in inside(container, "systemd-analyze --no-pager security vault-audit-archive.service | tail -1")


def test_a_run_that_is_killed_is_gone_on_with_and_sends_nothing_twice(cluster):
    container = node(cluster)
    inside(container, f"python3 -c '{MAKE_MANY}'")
    before = len(objects(cluster))
    inside(container, "systemctl start --no-block vault-audit-archive.service")
    deadline = time.monotonic() + WAIT_SECONDS
    while len(keys(cluster)) < before + 3:
        assert time.monotonic() < deadline
    inside(container, "systemctl kill --signal=KILL vault-audit-archive.service")
    while inside(container, "systemctl is-active vault-audit-archive.service || true").strip() == "activating":
        assert time.monotonic() < deadline
    killed = objects(cluster)
    assert before + 3 <= len(killed) < before + MANY
    went_well, said = send(container)
    assert went_well, said
    after = objects(cluster)
    assert len(after) == before + MANY and {key: after[key] for key in killed} == killed
    assert said.count("sent as") + said.count("already as") in (
        MANY + before - len(killed),
        MANY + before - len(killed) + 1,
    )
    assert said.count("already as") <= 1, "the one whose answer the killed run did not see"
    assert inside(container, "ls /var/log/vault/audit.log.*.gz | wc -l").strip() >= str(MANY)
    inside(container, "rm /var/log/vault/audit.log.[12][0-9][0-9].gz")


def keys(bench) -> list[str]:
    pages = (
        bench.aws("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bench.bucket, Prefix=f"audit/{bench.lab.name}/vault-1/")
    )
    return [one["Key"] for page in pages for one in page.get("Contents", [])]


def test_a_bucket_that_does_not_answer_is_told_and_site_yml_puts_right_what_was_changed(cluster):
    container = node(cluster)
    before = len(keys(cluster))
    inside(
        container,
        'echo \'{"time": "2026-11-02T00:00:00Z"}\' >/var/log/vault/audit.log.50; '
        "touch -d '2 hours ago' /var/log/vault/audit.log.50",
    )
    inside(
        container,
        'sed -i \'s#"endpoint_url": "http://[^"]*"#"endpoint_url": "http://127.0.0.1:1"#\' /etc/vault-backup/audit.json',
    )
    went_well, said = send(container)
    assert not went_well and "Look at the way to AWS" in said, said
    found = values(container)
    assert (found["unsent_files"], found["last_exit_code"]) == (1, 8)
    assert 7000 < time.time() - found["oldest_unsent_timestamp_seconds"] < 9000
    assert "/etc/vault-backup/audit.json" in play(cluster, "--check", vault_audit_archive=True)
    play(cluster, vault_audit_archive=True)
    went_well, said = send(container)
    assert went_well and said.count("sent as") == 1, said
    assert len(keys(cluster)) == before + 1 and values(container)["unsent_files"] == 0


def test_a_cluster_without_a_bucket_or_a_file_has_no_archive(cluster):
    code, output = cluster.play("-e", json.dumps({"vault_audit_archive": True}), "--check")
    assert code != 0 and "vault_audit_archive is true, and there is nothing to send or nowhere" in " ".join(
        output.split()
    )


def test_without_the_input_nothing_of_it_is_left_but_what_was_sent(cluster):
    there = keys(cluster)
    assert "vault-audit-archive.timer" in play(cluster, "--check").partition(" : The plan]")[2]
    play(cluster)
    for number in (1, 2, 3):
        assert inside(node(cluster, number), f"ls -d {' '.join(LEFT)} 2>/dev/null || true") == ""
        assert inside(node(cluster, number), "systemctl list-units --all --plain --no-legend 'vault-audit*'") == ""
    assert keys(cluster) == there
    assert play(cluster).count("changed=0") == 4
