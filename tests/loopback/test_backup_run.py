"""The backup tool as a process: what it makes, how it ends, and that a failure leaves everything as it was."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import stat
import tarfile
import time
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import config, run
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.errors import Exit
from kit.backup_stage import BUCKET, SMALL, STATE, Stage, Wire, archive, index_of, kill, snapshot, whole
from kit.fault_proxy import Answer, Drop, Kill, Rule
from kit.vault_standin import CLUSTER_ID, cut_off, dropped


def test_a_run_that_goes_well(stage: Stage):
    stage.vault.body = whole(archive(STATE))
    name = stage.succeed()
    made = json.loads((stage.directory / f"{name}.json").read_text())
    encrypted = (stage.directory / name).read_bytes()
    plain = archive(STATE)
    assert (made["format"], made["seal_key_arn"]) == (3, stage.seal_key_arn)
    assert (made["cluster_id"], made["cluster_name"], made["vault_version"]) == (CLUSTER_ID, "prod", "1.21.1")
    assert (made["raft_index"], made["raft_term"], made["key_arn"]) == (41, 3, stage.key_arn)
    assert (made["plain_bytes"], made["state_bytes"]) == (len(plain), len(STATE))
    assert (made["plain_sha256"], made["state_sha256"]) == tuple(hashlib.sha256(d).hexdigest() for d in (plain, STATE))
    assert (made["encrypted_bytes"], made["encrypted_sha256"]) == (
        len(encrypted),
        hashlib.sha256(encrypted).hexdigest(),
    )
    assert STATE[:64] not in encrypted and CLUSTER_ID.encode() in encrypted[:500]
    assert {stat.S_IMODE(path.stat().st_mode) for path in stage.directory.iterdir()} == {0o600}
    assert stage.objects() == {
        f"snapshots/{name}": len(encrypted),
        f"snapshots/{name}.json": len(stage.files()[f"{name}.json"]),
    }
    assert stage.s3.get_object(Bucket=BUCKET, Key=f"snapshots/{name}")["Body"].read() == encrypted
    assert stage.vault.tokens == set() and "/v1/auth/token/revoke-self" in stage.vault.calls
    samples = stage.samples()
    assert samples['size_bytes{kind="plain"}'] == len(plain) and samples['size_bytes{kind="encrypted"}'] == len(
        encrypted
    )
    assert (samples["raft_index"], samples["exit_code"]) == (41, 0)
    assert abs(samples["success_timestamp_seconds"] - time.time()) < 30


def test_a_standby_has_nothing_to_do(stage: Stage):
    stage.vault.active = lambda: False
    code, said = stage.run()
    assert code == 0 and "vault-1 is not the active node" in said
    assert stage.vault.calls == ["/v1/sys/leader"]
    assert stage.files() == {} and stage.objects() == {}
    assert stage.samples()["exit_code"] == 0 and "success_timestamp_seconds" not in stage.samples()


def boundaries() -> list[int]:
    """Offsets in the plain tar at which a member, or its header, begins or ends."""
    with tarfile.open(fileobj=io.BytesIO(SMALL), mode="r:gz") as tar:
        entries = tar.getmembers()
    return sorted({at for entry in entries for at in (entry.offset, entry.offset_data, entry.offset_data + entry.size)})


# gzip's head has 10 bytes, and the one stored block another 5.
CUTS = sorted({0, 1, 10, *(15 + at for at in boundaries()), len(SMALL) - 8, len(SMALL) - 4, len(SMALL) - 1})


@pytest.fixture
def previous(stage: Stage) -> dict[str, bytes]:
    """The directory after a run that went well."""
    stage.vault.body = snapshot(7)
    stage.succeed()
    stage.vault.body = whole(SMALL)
    return stage.files()


def test_a_stream_that_ends_early_anywhere(stage: Stage, previous: dict[str, bytes]):
    objects = stage.objects()
    for at in CUTS:
        stage.vault.body = cut_off(SMALL, at)
        code, said = stage.run()
        assert (code, "snapshot is broken" in said) == (Exit.SNAPSHOT, True), (at, said)
        stage.require_as_before(previous)
    assert stage.objects() == objects
    assert stage.samples()["raft_index"] == 7 and stage.samples()["exit_code"] == Exit.SNAPSHOT


def test_a_connection_that_breaks(stage: Stage, previous: dict[str, bytes]):
    stage.vault.body = dropped(SMALL, 3000)
    code, said = stage.run()
    assert code == Exit.VAULT and "the connection was closed before the end" in said
    stage.require_as_before(previous)


def test_a_bit_that_flipped_in_any_member(stage: Stage, previous: dict[str, bytes]):
    with tarfile.open(fileobj=io.BytesIO(SMALL), mode="r:gz") as tar:
        # Nothing but gzip's own sum covers the sealed sums: here it is right, and a bit of the file is not.
        spots = {entry.name: 15 + entry.offset_data + entry.size // 2 for entry in tar.getmembers()}
    for name, at in {**spots, "gzip's trailer": len(SMALL) - 6, "gzip's head": 3}.items():
        changed = bytearray(SMALL)
        changed[at] ^= 4
        stage.vault.body = whole(bytes(changed))
        code, said = stage.run()
        assert (code, "snapshot is broken" in said) == (Exit.SNAPSHOT, True), (name, said)
        stage.require_as_before(previous)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (archive(b"x", state__bin=b"y"), "checksum of its member state.bin is wrong"),
        (archive(b"x", SHA256SUMS__sealed=None), "it holds SHA256SUMS, meta.json, state.bin, and not"),
        (archive(b"x", SHA256SUMS__sealed=b""), "were not sealed"),
        (archive(b"x", extra=b"z" * 3_000_000), "far too big"),
        (SMALL + b"more", "something follows its gzip stream"),
        (b"", "it ends before its gzip stream does"),
    ],
)
def test_a_snapshot_that_is_none(stage: Stage, body: bytes, says: str):
    stage.vault.body = whole(body)
    code, said = stage.run()
    assert code == Exit.SNAPSHOT and says in said
    stage.require_as_before({})
    assert stage.objects() == {}


def test_a_leader_that_changes_during_the_download(stage: Stage, previous: dict[str, bytes]):
    state = {"active": True}

    def body() -> t.Iterator[bytes]:
        yield SMALL[:2000]
        state["active"] = False

    stage.vault.body, stage.vault.active = body, lambda: state["active"]
    code, said = stage.run()
    assert code == Exit.SNAPSHOT and "meanwhile the leader changed" in said
    stage.require_as_before(previous)


def test_a_leader_that_changes_just_before(stage: Stage, previous: dict[str, bytes]):
    stage.vault.snapshot_status = 307
    code, said = stage.run()
    assert code == Exit.VAULT and "passed the request for a snapshot on to another" in said
    stage.require_as_before(previous)


@pytest.mark.parametrize(
    ("attribute", "value", "says"),
    [
        ("login_status", 400, "did not let this node log in with the role vaultops-backup (HTTP 400: no role matches)"),
        ("snapshot_status", 403, "The policy of this node's role in auth/cert must allow it"),
        ("snapshot_status", 503, "sealed or still starting"),
    ],
)
def test_a_vault_that_refuses(stage: Stage, previous: dict[str, bytes], attribute: str, value: int, says: str):
    setattr(stage.vault, attribute, value)
    code, said = stage.run()
    assert code == Exit.VAULT and says in said
    stage.require_as_before(previous)


def test_a_token_that_can_not_be_revoked_is_told(stage: Stage):
    stage.vault.revoke_status = 500
    code, said = stage.run()
    assert code == 0 and "warning: Vault did not revoke this run's token (HTTP 500)" in said


@pytest.mark.parametrize(
    ("field", "value", "code", "says"),
    [
        ("address", "https://127.0.0.1:1", Exit.VAULT, "Connection refused"),
        ("tls_server_name", "other.internal", Exit.VAULT, "certificate was not accepted"),
        ("ca_cert", "/nowhere.crt", Exit.CONFIG, "vault.ca_cert, vault.client_cert or vault.client_key can't be used"),
        ("role", 7, Exit.CONFIG, "vault.role must be a text"),
    ],
)
def test_a_vault_that_is_not_reached(stage: Stage, field: str, value: t.Any, code: int, says: str):
    stage.config["vault"][field] = value
    found, said = stage.run()
    assert (found, says in said) == (code, True), said
    stage.require_as_before({})


def test_a_vault_that_stalls(stage: Stage, previous: dict[str, bytes]):
    def body() -> t.Iterator[bytes]:
        yield SMALL[:2000]
        time.sleep(3)

    stage.config["vault"]["timeout_seconds"] = 1
    stage.vault.body = body
    code, said = stage.run()
    assert code == Exit.VAULT and "broke the snapshot off (nothing came for vault.timeout_seconds)" in said
    stage.require_as_before(previous)


def test_a_key_that_is_refused(stage: Stage, previous: dict[str, bytes]):
    stage.config["kms"]["key_arn"] = stage.key_arn.rpartition("/")[0] + "/00000000-0000-4000-8000-000000000000"
    code, said = stage.run()
    assert code == Exit.ENCRYPTION and "gave no data key (NotFoundException" in said and "was it deleted?" in said
    assert "/v1/sys/storage/raft/snapshot" not in stage.vault.calls[-3:]
    stage.require_as_before(previous)


@pytest.mark.parametrize(
    ("action", "says"),
    [(Answer("AccessDeniedException"), "needs kms:GenerateDataKey"), (Drop(), "Look at the way to AWS")],
)
def test_a_kms_that_fails_in_the_middle(stage: Stage, previous: dict[str, bytes], action: t.Any, says: str):
    with Wire(stage.aws, [Rule("GenerateDataKey", action, every=True)]) as proxy:
        stage.config["kms"]["endpoint_url"] = proxy.url
        code, said = stage.run()
    assert (code, says in said) == (Exit.ENCRYPTION, True), said
    stage.require_as_before(previous)


DENIED = Answer("AccessDenied", status=403)


@pytest.mark.parametrize(
    ("operation", "nth", "action"),
    [
        ("POST KEY?uploads", 1, DENIED),
        ("PUT KEY?uploadId&partNumber", 2, DENIED),
        ("PUT KEY?uploadId&partNumber", 2, Drop()),
        ("POST KEY?uploadId", 1, Drop()),
        ("HEAD KEY", 1, DENIED),
        ("PUT KEY.json", 1, Drop()),
    ],
)
def test_an_s3_that_fails_in_the_middle(
    stage: Stage, previous: dict[str, bytes], operation: str, nth: int, action: t.Any
):
    """What was there stays, there and here; the new one is whole here, and does not count there."""
    objects = stage.objects()
    stage.vault.body = whole(archive(STATE))
    with Wire(stage.aws, [Rule(operation, action, nth, every=True)]) as proxy:
        stage.config["s3"]["endpoint_url"] = proxy.url
        code, said = stage.run()
    assert (code, "It is whole on this node's disk" in said) == (Exit.S3, True), said
    files = stage.files()
    assert {name: data for name, data in files.items() if name in previous} == previous
    assert sorted(set(files) - set(previous)) == [stage.names()[-1], f"{stage.names()[-1]}.json"]
    new = set(stage.objects()) - set(objects)
    assert not [key for key in new if key.endswith(".json")]
    assert stage.uploads() == [] and stage.vault.tokens == set()
    assert stage.samples()["raft_index"] == 7 and stage.samples()["exit_code"] == Exit.S3
    stage.config["s3"]["endpoint_url"] = stage.aws
    stage.vault.body = snapshot(50)
    assert f"snapshots/{stage.succeed()}.json" in stage.objects()


@pytest.mark.parametrize(("seconds", "code"), [(0.7, Exit.DONE), (4.0, Exit.S3)])
def test_an_s3_that_is_slow(stage: Stage, previous: dict[str, bytes], seconds: float, code: int):
    """Slow is fine; silent for longer than s3.timeout_seconds, each time it is tried, is not."""
    stage.config["s3"]["timeout_seconds"] = 2
    stage.vault.body = whole(archive(STATE))
    with Wire(stage.aws, delays={"PUT KEY?uploadId&partNumber": seconds}) as proxy:
        stage.config["s3"]["endpoint_url"] = proxy.url
        found, said = stage.run()
    assert (found, "Read timeout" in said) == (code, code == Exit.S3), said
    assert {name: data for name, data in stage.files().items() if name in previous} == previous
    assert not [name for name in stage.files() if name.startswith(".")]


def test_an_object_that_is_not_what_was_sent_gets_no_manifest(stage: Stage):
    """Between the upload and the comparison somebody puts another object there."""

    class Swapped(Wire):
        def action_for(self, operation: str) -> t.Any:
            if operation.startswith("HEAD"):
                (key,) = stage.objects()
                stage.s3.put_object(Bucket=BUCKET, Key=key, Body=b"other", ChecksumAlgorithm="SHA256")
            return super().action_for(operation)

    with Swapped(stage.aws) as proxy:
        stage.config["s3"]["endpoint_url"] = proxy.url
        code, said = stage.run()
    assert code == Exit.S3 and "has 5 bytes" in said and "It got no manifest" in said
    assert not [key for key in stage.objects() if key.endswith(".json")]


def test_uploads_that_can_not_be_listed_are_no_obstacle(stage: Stage):
    with Wire(stage.aws, [Rule(f"GET /{BUCKET}?uploads&prefix", Answer("AccessDenied", status=403))]) as proxy:
        stage.config["s3"]["endpoint_url"] = proxy.url
        code, said = stage.run()
    assert code == 0 and "It needs s3:ListBucketMultipartUploads" in said
    assert len(stage.objects()) == 2


@pytest.mark.parametrize(
    ("operation", "needs"),
    [
        (f"GET /{BUCKET}?list-type&prefix&encoding-type", "s3:ListBucket on the bucket is needed, with this prefix"),
        ("GET KEY?tagging", "s3:GetObjectTagging and s3:PutObjectTagging below the prefix"),
        ("PUT KEY?tagging", "s3:GetObjectTagging and s3:PutObjectTagging below the prefix"),
    ],
)
def test_a_tag_that_can_not_be_set_is_told_and_made_up_for(
    stage: Stage, previous: dict[str, bytes], operation: str, needs: str
):
    with Wire(stage.aws, [Rule(operation, DENIED, every=True)]) as proxy:
        stage.config["s3"]["endpoint_url"] = proxy.url
        code, said = stage.run()
    assert (code, needs in said, "The new snapshot is good" in said) == (0, True, True), said
    assert (stage.samples()["raft_index"], len(stage.superseded())) == (41, 0)
    stage.config["s3"]["endpoint_url"] = stage.aws
    stage.vault.body = snapshot(50)
    stage.succeed()
    assert len(stage.superseded()) == 4


def test_a_disk_that_is_full(stage: Stage, previous: dict[str, bytes]):
    stage.vault.body = whole(archive(STATE))
    code, said = stage.run(prelude="trap '' XFSZ; ulimit -f 4096;")
    assert code == Exit.DISK and "could not be written (File too large)" in said
    stage.require_as_before(previous)


def test_a_disk_whose_reserve_would_be_touched(stage: Stage, previous: dict[str, bytes]):
    stage.config["reserve_mib"] = 1 << 40
    code, said = stage.run()
    assert code == Exit.DISK and "are reserved" in said
    stage.require_as_before(previous)


def test_a_directory_that_is_not_there(stage: Stage):
    stage.config["directory"] = str(stage.folder / "nowhere")
    code, said = stage.run()
    assert code == Exit.DISK and "nowhere/.lock can't be opened" in said


def test_metrics_that_can_not_be_written_are_told(stage: Stage):
    stage.config["metrics_file"] = str(stage.folder / "nowhere" / "backup.prom")
    code, said = stage.run()
    assert code == Exit.DISK and "the metrics could not be written" in said
    assert len(stage.names()) == 1


def stalled(seconds: float, after: int = 2000) -> t.Callable[[], t.Iterator[bytes]]:
    def body() -> t.Iterator[bytes]:
        yield SMALL[:after]
        time.sleep(seconds)
        yield SMALL[after:]

    return body


def wait_for(condition: t.Callable[[], t.Any], what: str) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen")


def test_a_bug_is_not_reported_as_how_the_run_before_it_ended(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    stage.succeed()
    assert stage.samples()["exit_code"] == 0

    def broken(_config: config.Config, _store: t.Any, _changes: t.Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(run, "_back_up", broken)
    with pytest.raises(ZeroDivisionError):
        run.run(config.load(str(stage.folder / "config.json")))
    samples = stage.samples()
    assert (samples["exit_code"], samples["raft_index"]) == (Exit.BUG, 41)


def test_a_metric_that_another_user_left_half_is_no_obstacle(stage: Stage):
    """The tool once ran as user vault; a directory can't be opened for writing, whoever asks."""
    half = stage.metrics.with_name(f"{stage.metrics.name}.partial")
    half.symlink_to("/proc/1/nowhere")
    stage.succeed()
    assert not half.is_symlink() and stage.samples()["exit_code"] == 0


def test_a_new_cluster_deletes_nothing_of_the_one_whose_name_it_has(stage: Stage):
    stage.config["retention"] = {"keep_last": 1, "keep_days": 0}
    stage.vault.body = snapshot(90_500)
    lost = stage.succeed()
    stage.vault.cluster_id = "0e5a7c11-0000-4000-8000-000000000002"
    for index in (12, 13):
        time.sleep(1.1)
        stage.vault.body = snapshot(index)
        assert stage.run()[0] == 0
    assert [index_of(name) for name in stage.names()] == [90_500, 13]
    assert {index_of(key.rpartition("/")[2].removesuffix(".json")) for key in stage.superseded()} == {12}
    assert f"snapshots/{lost}" in stage.objects()


def test_two_runs_at_once(stage: Stage):
    stage.vault.body = stalled(3)
    first = stage.start()
    wait_for(lambda: "/v1/sys/storage/raft/snapshot" in stage.vault.calls, "the download")
    code, said = stage.run()
    assert code == Exit.LOCKED and "another run holds" in said
    _, err = first.communicate()
    assert first.returncode == 0, err
    assert len(stage.names()) == 1 and stage.samples()["exit_code"] == 0


def test_a_clock_that_jumps_deletes_nothing_good(stage: Stage):
    stage.config["retention"] = {"keep_last": 2, "keep_days": 30}
    stage.vault.body = snapshot(1)
    name = stage.succeed()
    known = manifest.parse((stage.directory / f"{name}.json").read_text())
    for index, year in ((2, 2001), (3, 2001), (4, 2099), (5, 2099)):
        started_at = f"{year}-01-01T00:00:0{index}Z"
        clone = {
            **json.loads(known.to_json()),
            "raft_index": index,
            "started_at": started_at,
            "name": manifest.name("prod", CLUSTER_ID, "vault-1", started_at, index),
        }
        (stage.directory / clone["name"]).write_bytes((stage.directory / name).read_bytes())
        (stage.directory / f"{clone['name']}.json").write_text(json.dumps(clone))
    stage.vault.body = snapshot(6)
    code, said = stage.run()
    assert code == 0
    left = {index_of(found) for found in stage.names()}
    assert left == {1, 4, 5, 6}, said


def test_retention_keeps_the_newest_and_strangers(stage: Stage):
    stage.config["retention"] = {"keep_last": 2, "keep_days": 0}
    (stage.directory / "notes.txt").write_text("x")
    (stage.directory / "prod_20200101T000000Z_1_vault-1.snap.encrypted").write_text("no manifest")
    for index in (1, 2, 3):
        stage.vault.body = snapshot(index)
        assert stage.run()[0] == 0
    left = [name for name in stage.files() if not name.endswith(".json")]
    assert sorted(index_of(name) for name in left if "_" in name) == [1, 2, 3]
    assert "notes.txt" in left and "prod_20200101T000000Z_1_vault-1.snap.encrypted" in left
    # The bucket is its own lifecycle's, which may have all but the newest.
    assert len(stage.objects()) == 6
    assert set(stage.objects()) - stage.superseded() == {f"snapshots/{stage.names()[-1]}{end}" for end in ("", ".json")}


def test_only_this_nodes_unfinished_uploads_are_aborted(stage: Stage):
    """Another cluster that shares the bucket and the prefix may have a node of the same name."""
    for cluster, node in (("prod", "vault-1"), ("prod", "vault-2"), ("staging", "vault-1")):
        key = "snapshots/" + manifest.name(cluster, CLUSTER_ID, node, "2026-01-01T00:00:00Z", 3)
        stage.s3.create_multipart_upload(Bucket=BUCKET, Key=key)
    stage.s3.create_multipart_upload(Bucket=BUCKET, Key="elsewhere/x")
    stage.succeed()
    assert sorted(stage.uploads()) == [
        "elsewhere/x",
        "snapshots/prod_7f0c1f9e_20260101T000000Z_3_vault-2.snap.encrypted",
        "snapshots/staging_7f0c1f9e_20260101T000000Z_3_vault-1.snap.encrypted",
    ]


@pytest.mark.parametrize("number", ["TERM", "INT"])
def test_an_interrupted_run_cleans_up(stage: Stage, previous: dict[str, bytes], number: str):
    stage.vault.body = stalled(5)
    process = stage.start()
    before = len(stage.vault.calls)
    wait_for(
        lambda: "/v1/sys/storage/raft/snapshot" in stage.vault.calls[before - 1 :] and stage.vault.tokens,
        "the download",
    )
    os.kill(process.pid, getattr(signal, f"SIG{number}"))
    _, err = process.communicate()
    assert process.returncode == Exit.INTERRUPTED and f"interrupted by SIG{number}" in err
    stage.require_as_before(previous)


def test_an_interrupted_upload_is_not_tried_again(stage: Stage, previous: dict[str, bytes]):
    """botocore takes any Exception for a failure of the network. The snapshot itself is whole, and stays."""
    stage.vault.body = whole(archive(STATE))
    part = "PUT KEY?uploadId&partNumber"
    with Wire(stage.aws, delays={part: 3}) as proxy:
        stage.config["s3"]["endpoint_url"] = proxy.url
        process = stage.start()
        wait_for(lambda: part in proxy.asked, "the upload")
        os.kill(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == Exit.INTERRUPTED and "interrupted by SIGTERM" in err
    assert proxy.asked.count(part) == 1
    assert stage.uploads() == []
    assert stage.samples()["exit_code"] == Exit.INTERRUPTED
    assert len(stage.names()) == len([name for name in previous if name.endswith(".encrypted")]) + 1


@pytest.mark.parametrize("after", [0.0, 0.4, 0.6, 0.8, 1.0, 1.3])
def test_a_killed_run_leaves_nothing_half(stage: Stage, previous: dict[str, bytes], after: float):
    """Killed at some moment; the next run goes well, and all that is then there is whole."""
    stage.vault.body = whole(archive(STATE))
    process = stage.start()
    time.sleep(after)
    kill(process)
    require_recovery(stage, previous)


def test_a_run_killed_during_the_download(stage: Stage, previous: dict[str, bytes]):
    stage.vault.body = stalled(60)
    process = stage.start()
    wait_for(lambda: any(name.startswith(".vault-backup.") for name in stage.files()), "the draft")
    kill(process)
    stage.vault.body = whole(SMALL)
    assert any(name.endswith(".partial") for name in stage.files())
    require_recovery(stage, previous)


def test_a_run_killed_while_the_names_are_given(stage: Stage, previous: dict[str, bytes]):
    """Between the file and its manifest, and just before."""
    name = stage.succeed()
    whole_pair = (stage.directory / name, stage.directory / f"{name}.json")
    pending = stage.directory / f".{name}.json.pending"
    whole_pair[1].rename(pending)
    require_recovery(stage, previous)
    assert whole_pair[1].exists() and not pending.exists()
    whole_pair[1].rename(pending)
    whole_pair[0].unlink()
    require_recovery(stage, previous, 51)
    assert not pending.exists()


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize(
    ("operation", "nth"),
    [
        ("GenerateDataKey", 1),
        ("POST KEY?uploads", 1),
        ("PUT KEY?uploadId&partNumber", 2),
        ("POST KEY?uploadId", 1),
        ("HEAD KEY", 1),
        ("PUT KEY.json", 1),
    ],
)
def test_a_run_killed_at_a_call_to_aws(
    stage: Stage, previous: dict[str, bytes], operation: str, nth: int, forward: bool
):
    stage.vault.body = whole(archive(STATE))
    running: list[t.Any] = []
    rule = Rule(operation, Kill(lambda: running[0].pid, forward), nth)
    with Wire(stage.aws, [rule]) as proxy:
        stage.config["s3"]["endpoint_url"] = stage.config["kms"]["endpoint_url"] = proxy.url
        running.append(stage.start())
        running[0].communicate(timeout=60)
    assert running[0].returncode == -signal.SIGKILL
    stage.config["s3"]["endpoint_url"] = stage.config["kms"]["endpoint_url"] = stage.aws
    require_recovery(stage, previous)


def require_recovery(stage: Stage, previous: dict[str, bytes], index: int = 50) -> None:
    # Another index is another name, also within one second.
    stage.vault.body = snapshot(index)
    stage.config["retention"]["keep_last"] = 99
    name = stage.succeed()
    files = stage.files()
    assert {key: files[key] for key in previous} == previous
    assert not [left for left in files if left.startswith(".")]
    for left in stage.names():
        known = manifest.parse(files[f"{left}.json"])
        assert hashlib.sha256(files[left]).hexdigest() == known.encrypted_sha256
    assert stage.uploads() == []
    objects = stage.objects()
    assert f"snapshots/{name}.json" in objects
    for key in objects:
        if key.endswith(".json"):
            known = manifest.parse(stage.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
            assert objects[key.removesuffix(".json")] == known.encrypted_bytes


def test_what_is_said_of_a_configuration_that_is_none(stage: Stage):
    with pytest.raises(Exception, match="can't be read") as caught:
        config.load(str(stage.folder / "nowhere.json"))
    assert caught.value.code == Exit.CONFIG
