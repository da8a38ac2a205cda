from __future__ import annotations

import json
import os
import stat

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import journal, record, sinks
from ansible_collections.vaultops.cluster.plugins.module_utils._objects import files, homes, secret
from ansible_collections.vaultops.cluster.plugins.module_utils._objects.records import Records
from ansible_collections.vaultops.cluster.plugins.modules import vault_custody_info
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.fault_proxy import Answer, FaultProxy, Rule
from labkit.settings import REGION

SECRET = "s.very-secret-root-token"
BODY = {"recovery_shares": 5, "recovery_threshold": 3}
TAGS = {"vault-cluster": "prod"}


def keys(reservation):
    return {**reservation, "recovery_keys": ["a2V5"] * 5, "root_token": SECRET}


@pytest.fixture
def reserved():
    return record.prepared("prod", "2026-01-01T00:00:00+00:00", "ada@desk")


def options(kind, aws, folder):
    own = {"name": "vault/prod/recovery", "path": str(folder / "keys" / "recovery")}
    return {"sink": kind, "region": REGION, "endpoint_url": aws, "kms_key_id": None, **own}


@pytest.fixture(params=["secretsmanager", "kms_file", "pgp"])
def sink(request, aws, tmp_path):
    chosen = options(request.param, aws, tmp_path)
    if request.param == "kms_file":
        kms = boto3.client("kms", region_name=REGION, endpoint_url=aws)
        chosen["kms_key_id"] = kms.create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    return sinks.open_sink(chosen, "prod")


def test_a_sink_gives_back_what_it_was_given(sink, reserved):
    assert sink.read() is None
    assert sink.create(reserved) is True
    assert sink.read() == reserved
    sink.prove_writable(record.stand_in(reserved, BODY))
    full = record.stored(reserved, keys(reserved), "id")
    sink.replace(full)
    assert sink.read() == full
    assert sink.untidy is False
    sink.replace(record.without_root_token(full))
    assert sink.read()["root_token"] is None


def test_a_second_reservation_changes_nothing(sink, reserved):
    sink.create(reserved)
    other = record.prepared("prod", "2026-02-02T00:00:00+00:00")
    assert sink.create(other) is False
    assert sink.read() == reserved


def test_the_proof_leaves_the_record_alone(sink, reserved):
    sink.create(reserved)
    full = record.stored(reserved, keys(reserved), "id")
    sink.replace(full)
    sink.prove_writable(record.stand_in(reserved, BODY))
    assert sink.read() == full


def test_a_kms_file_is_not_readable_without_kms(aws, tmp_path, reserved):
    kms = boto3.client("kms", region_name=REGION, endpoint_url=aws)
    arn = kms.create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    sink = sinks.open_sink({**options("kms_file", aws, tmp_path), "kms_key_id": arn}, "prod")
    sink.create(keys(reserved))
    content = (tmp_path / "keys" / "recovery").read_bytes()
    assert SECRET.encode() not in content
    other = sinks.open_sink({**options("kms_file", aws, tmp_path), "kms_key_id": arn}, "another cluster")
    with pytest.raises(Problem, match="Decrypt was refused"):
        other.read()


def test_a_record_too_large_for_kms_is_refused(aws, tmp_path, reserved):
    sink = sinks.open_sink({**options("kms_file", aws, tmp_path), "kms_key_id": "alias/x"}, "prod")
    with pytest.raises(Problem, match="4096 at most"):
        sink.create({**reserved, "recovery_keys": ["k" * 50] * 100})


def test_somebody_elses_secret_is_not_overwritten(aws, tmp_path):
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=aws)
    client.create_secret(Name="vault/prod/recovery", SecretString="a database password")
    with pytest.raises(Problem, match="not a custody record"):
        sinks.open_sink(options("secretsmanager", aws, tmp_path), "prod").read()


def test_a_sink_out_of_reach_is_an_error_and_not_an_absence(tmp_path):
    with pytest.raises(Problem, match="Check the region"):
        sinks.open_sink(options("secretsmanager", "http://127.0.0.1:9", tmp_path), "prod").read()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ExpiredTokenException", "have expired: log in to AWS again"),
        ("AccessDeniedException", "Whoever runs init needs"),
    ],
)
def test_credentials_that_have_expired_are_no_lack_of_rights(aws, tmp_path, code, says):
    with FaultProxy(("127.0.0.1", 0), aws, [Rule("DescribeSecret", Answer(code))]) as proxy:
        sink = sinks.open_sink(options("secretsmanager", proxy.url, tmp_path), "prod")
        with pytest.raises(Problem, match=f"secretsmanager:DescribeSecret was refused: {code}: .*{says}"):
            sink.read()


def described(aws, name="vault/prod/recovery"):
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=aws)
    found = client.describe_secret(SecretId=name)
    stages = {stage: version for version, names in found["VersionIdsToStages"].items() for stage in names}
    texts = {
        stage: client.get_secret_value(SecretId=name, VersionId=version)["SecretString"]
        for stage, version in stages.items()
    }
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}, texts


def test_no_stage_of_the_secret_gives_out_what_the_record_no_longer_holds(aws, tmp_path, reserved):
    sink = sinks.open_sink(options("secretsmanager", aws, tmp_path), "prod")
    sink.create(reserved)
    sink.prove_writable(record.stand_in(reserved, BODY))
    full = record.stored(reserved, keys(reserved), "id")
    sink.replace(full)
    sink.replace(record.without_root_token(full))
    _head, texts = described(aws)
    assert {"AWSCURRENT", "AWSPREVIOUS", sinks.PROBE_STAGE} <= set(texts)
    assert not [stage for stage, text in texts.items() if SECRET in text or reserved["journal_key"] in text]


def test_the_secret_is_made_with_the_clusters_tag(aws, tmp_path, reserved):
    sink = sinks.open_sink({**options("secretsmanager", aws, tmp_path), "tags": TAGS}, "prod")
    sink.create(reserved)
    assert described(aws)[0] == TAGS
    assert sink.read() == reserved and sink.untidy is False


def test_further_tags_are_a_new_secrets_and_nobody_is_told_by_them(aws, tmp_path, reserved):
    own = {**options("secretsmanager", aws, tmp_path), "tags": TAGS}
    more = {**own, "more_tags": {"CostCenter": "4711", "vault-cluster": "theirs"}}
    assert sinks.open_sink(more, "prod").create(reserved)
    secret = boto3.client("secretsmanager", "eu-central-1", endpoint_url=aws).describe_secret(SecretId=own["name"])
    assert {tag["Key"]: tag["Value"] for tag in secret["Tags"]} == {**TAGS, "CostCenter": "4711"}
    # One that was made before has none of them, and others may have changed theirs.
    sink = sinks.open_sink({**own, "more_tags": {"CostCenter": "4712"}}, "prod")
    assert sink.read() == reserved
    assert not sink.untidy


def test_a_secret_with_another_clusters_tag_is_refused(aws, tmp_path, reserved):
    own = options("secretsmanager", aws, tmp_path)
    sinks.open_sink({**own, "tags": {"vault-cluster": "staging"}}, "prod").create(reserved)
    with pytest.raises(Problem, match="vault-cluster=staging"):
        sinks.open_sink({**own, "tags": TAGS}, "prod").read()


def test_a_secret_without_a_tag_is_the_clusters_when_its_record_is(aws, tmp_path, reserved):
    own = options("secretsmanager", aws, tmp_path)
    sinks.open_sink(own, "prod").create(reserved)
    sink = sinks.open_sink({**own, "tags": TAGS}, "prod")
    assert sink.read() == reserved and sink.untidy is True
    assert described(aws)[0] == {}
    sink.tidy()
    assert described(aws)[0] == TAGS
    assert sink.read() == reserved and sink.untidy is False


def test_keys_of_another_cluster_are_refused(aws, tmp_path, reserved):
    own = options("secretsmanager", aws, tmp_path)
    sinks.open_sink(own, "prod").create(reserved)
    with pytest.raises(Problem, match="of cluster prod, and this is staging"):
        sinks.open_sink({**own, "tags": {"vault-cluster": "staging"}}, "staging").read()
    assert described(aws)[0] == {}


def test_a_secret_that_can_hold_nothing_is_no_absence(aws, tmp_path, reserved):
    sink = sinks.open_sink(options("secretsmanager", aws, tmp_path), "prod")
    sink.create(reserved)
    boto3.client("secretsmanager", region_name=REGION, endpoint_url=aws).delete_secret(SecretId="vault/prod/recovery")
    with pytest.raises(Problem, match="scheduled for deletion.*restore-secret"):
        sink.read()


def rekeying(held, shares=5):
    """A record whose new keys are on their way, with as many former sets as there may be."""
    former = [{**record.keys_of(held), "recovery_keys": ["b2xk".ljust(44, "=")] * shares}] * record.FORMER
    new = {**record.keys_of(held), "who": "ada@desk", "nonce": None, "recovery_keys": [], "recovery_shares": shares}
    return {**held, "rekey": new, "former": former}


def test_new_keys_fit_where_their_room_was_proven_in_every_sink(sink, reserved):
    sink.create(reserved)
    held = record.stored(reserved, {**keys(reserved), "recovery_keys": ["a2V5".ljust(44, "=")] * 5}, "i" * 36)
    sink.replace(held)
    begun = rekeying(held)
    room = record.stand_in_of_rekey(begun, [])
    assert SECRET not in json.dumps(room)
    assert not set(room["recovery_keys"]) & set(held["recovery_keys"])
    sink.prove_writable(room)
    both = {**begun, "rekey": {**begun["rekey"], "nonce": "n" * 36, "recovery_keys": ["bmV3".ljust(44, "=")] * 5}}
    assert len(record.dump(both)) <= len(record.dump(room))
    sink.replace(both)
    assert sink.read() == both
    after = record.rekeyed(both)
    assert after["recovery_keys"] == both["rekey"]["recovery_keys"]
    assert after["rekey"] is None
    assert after["former"] == [record.keys_of(held), both["former"][0]]
    sink.replace(after)
    assert sink.read() == after


def test_the_first_keys_of_a_cluster_that_somebody_else_initialised_fit_in_every_sink(sink):
    begun = rekeying(record.elsewhere("prod", "2026-01-01T00:00:00+00:00", "ada@desk", "i" * 36, 5, 3))
    begun["former"] = []
    assert sink.create(begun)
    assert not sink.create(begun)
    assert sink.read() == begun
    room = record.stand_in_of_rekey(begun, [])
    sink.prove_writable(room)
    new = {**begun["rekey"], "nonce": "n" * 36, "recovery_keys": ["bmV3".ljust(44, "=")] * 5}
    both = {**begun, "rekey": new}
    assert len(record.dump(both)) <= len(record.dump(room))
    sink.replace(both)
    assert sink.read() == both
    sink.replace(record.rekeyed(both))
    assert sink.read()["status"] == "stored"
    assert sink.read()["recovery_keys"] == new["recovery_keys"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rekey": {"since": "x"}},
        {"rekey": {**record.keys_of(record.prepared("x", "")), "who": None, "nonce": None, "given_back": "x"}},
        {"rekey": []},
        {"generate_root": {"who": None, "nonce": 1, "unseen": []}},
        {"former": [{"recovery_keys": []}]},
        {"former": ["x"]},
    ],
)
def test_what_is_under_way_and_damaged_is_refused(reserved, wrong):
    with pytest.raises(ValueError, match=f"damaged: {next(iter(wrong))} is missing or wrong"):
        record.load(json.dumps({**reserved, **wrong}), "the sink")


def test_a_record_of_an_earlier_version_has_nothing_under_way(reserved):
    earlier = {name: value for name, value in reserved.items() if name not in record.LATER}
    assert record.load(json.dumps(earlier), "x") == {**earlier, **record.LATER}


@pytest.fixture
def file_sink(tmp_path):
    return sinks.open_sink({"sink": "pgp", "path": str(tmp_path / "recovery.pgp")}, "prod")


def test_a_record_without_its_fields_is_refused_in_words(tmp_path, file_sink):
    (tmp_path / "recovery.pgp").write_text('{"format": 1}')
    with pytest.raises(Problem, match="damaged: cluster, .*status.* is missing or wrong"):
        file_sink.read()


def test_a_directory_in_the_files_place_is_refused_in_words(tmp_path, file_sink, reserved):
    (tmp_path / "recovery.pgp").mkdir()
    for action in (file_sink.read, lambda: file_sink.replace(reserved)):
        with pytest.raises(Problem, match="recovery.pgp.*directory"):
            action()


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path, file_sink, reserved):
    file_sink.create(reserved)
    path = tmp_path / "recovery.pgp"
    path.chmod(0o644)
    assert file_sink.read() == reserved and file_sink.untidy is True
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    file_sink.tidy()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away, which only root may")
def test_another_users_file_or_directory_is_refused(tmp_path, file_sink, reserved):
    file_sink.create(reserved)
    os.chown(tmp_path / "recovery.pgp", 65534, 65534)
    with pytest.raises(Problem, match="belongs to user id 65534"):
        file_sink.read()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    with pytest.raises(Problem, match="belongs to user id 65534"):
        sinks.open_sink({"sink": "pgp", "path": str(theirs / "recovery.pgp")}, "prod").create(reserved)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_directory_that_others_may_write_to_is_refused(tmp_path, reserved, mode):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    with pytest.raises(Problem, match="chmod go-w"):
        sinks.open_sink({"sink": "pgp", "path": str(shared / "recovery.pgp")}, "prod").create(reserved)
    with pytest.raises(Problem, match="chmod go-w"):
        journal.Journal(homes.File(str(shared / "j"))).prepare(reserved, reserved)
    assert list(shared.iterdir()) == [] and stat.S_IMODE(shared.stat().st_mode) == mode


@pytest.fixture(params=["object", "secret", "file"])
def home(request, aws, tmp_path):
    own = {**options("secretsmanager", aws, tmp_path), "tags": TAGS}
    if request.param == "object":
        s3 = boto3.client("s3", region_name=REGION, endpoint_url=aws)
        s3.create_bucket(Bucket="snapshots", CreateBucketConfiguration={"LocationConstraint": REGION})
        return journal.open_home({**own, "journal": {"bucket": "snapshots", "object": "init/prod.journal"}})
    if request.param == "secret":
        return journal.open_home({**own, "journal": {"secret": "vault/prod/recovery-journal"}})
    return journal.open_home({**own, "journal": {"path": str(tmp_path / "state" / "init.journal")}})


@pytest.fixture
def log(home):
    return journal.Journal(home)


def fill(log, reservation):
    log.prepare(reservation, record.stand_in(reservation, BODY))(keys(reservation))


def test_the_journal_hides_its_content_and_opens_only_with_its_key(log, home, reserved):
    fill(log, reserved)
    assert SECRET.encode() not in home.read().data
    assert log.look(reserved) == "keys"
    assert log.read(reserved) == keys(reserved)
    other = record.prepared("prod", "now")
    assert log.look(other) == log.look(None) == "sealed"
    with pytest.raises(Problem, match="was not written with the key"):
        log.read(other)


def test_a_journal_in_a_file_is_its_owners_alone(tmp_path, reserved):
    path = tmp_path / "state" / "init.journal"
    fill(journal.Journal(homes.File(str(path))), reserved)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_says_by_its_content_what_it_is(log, reserved):
    assert log.look(None) == log.look(reserved) == "none"
    log.prepare(reserved, record.stand_in(reserved, BODY))
    assert log.look(reserved) == "ours"
    assert log.look(None) == log.look(record.prepared("prod", "now")) == "empty"
    with pytest.raises(Problem, match="was not written with the key"):
        log.read(reserved)
    fill(log, reserved)
    full = record.stored(reserved, keys(reserved), "id")
    assert log.look(full) == "spent"
    assert log.look({**full, "run": record.prepared("prod", "now")["run"]}) == "sealed"
    log.remove()
    assert log.look(reserved) == "none"


def test_the_journal_is_as_large_before_the_keys_as_with_them(log, home, reserved):
    answer = {"recovery_keys_base64": ["k" * record.SHARE_CHARACTERS] * 5, "root_token": "hvs." + "t" * 24}
    write = log.prepare(reserved, record.stand_in(reserved, BODY))
    before = len(home.read().data)
    write(record.answered(reserved, BODY, answer))
    # The head says that it is answered and no longer prepared, which is as long.
    assert len(home.read().data) == before
    assert log.read(reserved)["recovery_keys"] == answer["recovery_keys_base64"]


def test_a_journal_in_a_file_keeps_its_room(tmp_path, reserved):
    path = tmp_path / "state" / "init.journal"
    write = journal.Journal(homes.File(str(path))).prepare(reserved, record.stand_in(reserved, BODY))
    before = path.stat()
    write(keys(reserved))
    assert (before.st_ino, before.st_size) == (path.stat().st_ino, path.stat().st_size)


@pytest.mark.parametrize("content", ["keys", "damaged"])
def test_a_journal_with_keys_is_never_overwritten(log, home, reserved, content):
    fill(log, reserved)
    if content == "damaged":
        held = home.read()
        assert home.write(held.data[:-3] + b"xxx", held.version)
    before = home.read().data
    for reservation in (reserved, record.prepared("prod", "now")):
        with pytest.raises(Problem, match="may hold keys"):
            log.prepare(reservation, record.stand_in(reservation, BODY))
    assert home.read().data == before


def test_keys_that_appear_while_another_run_makes_it_ready_stay(log, home, reserved):
    """It was read empty, and then the run that had made it ready brought its answer."""
    first = log.prepare(reserved, record.stand_in(reserved, BODY))
    plain = home.read

    def late():
        home.read = plain
        held = plain()
        first(keys(reserved))
        return held

    home.read = late
    with pytest.raises(Problem, match="may hold keys appeared meanwhile"):
        log.prepare({**reserved, "run": "0" * 32}, record.stand_in(reserved, BODY))
    assert log.look(reserved) == "keys"


def test_who_has_the_answer_writes_over_what_another_run_made_ready(log, reserved):
    write = log.prepare(reserved, record.stand_in(reserved, BODY))
    other = {**reserved, "run": record.prepared("prod", "now")["run"]}
    log.prepare(other, record.stand_in(other, BODY))
    write(keys(reserved))
    # Under the same key, so the other run opens it too.
    assert log.look(other) == "keys" and log.read(other) == keys(reserved)


def test_a_journal_is_withdrawn_only_as_it_was_made(log, reserved):
    log.prepare(reserved, record.stand_in(reserved, BODY))
    log.withdraw()
    assert log.look(reserved) == "none"
    write = log.prepare(reserved, record.stand_in(reserved, BODY))
    write(keys(reserved))
    log.withdraw()
    assert log.look(reserved) == "keys"


def test_a_journal_of_an_earlier_version_is_read(log, home, reserved):
    nonce = os.urandom(12)
    old = {name: value for name, value in reserved.items() if name not in ("who", "run")}
    key = record.base64.b64decode(reserved["journal_key"])
    sealed = AESGCM(key).encrypt(nonce, json.dumps({**old, "root_token": SECRET}).encode(), None)
    assert home.write(nonce + sealed, None)
    reservation = {**reserved, "who": None, "run": None}
    assert log.look(reservation) == "keys"
    assert log.read(reservation)["root_token"] == SECRET
    assert log.look(None) == "sealed"
    assert log.look(record.stored(reservation, keys(reservation), None)) == "spent"


def test_a_journal_of_another_clusters_secret_or_bucket_is_refused(aws, tmp_path, reserved):
    own = {**options("secretsmanager", aws, tmp_path), "tags": {"vault-cluster": "staging"}}
    in_secret = {**own, "journal": {"secret": "vault/prod/recovery-journal"}}
    assert journal.open_home(in_secret).write(b"theirs", None)
    with pytest.raises(Problem, match="carries the tag vault-cluster=staging, and not prod: it is not this cluster's"):
        journal.open_home({**in_secret, "tags": TAGS}).read()
    s3 = boto3.client("s3", region_name=REGION, endpoint_url=aws)
    s3.create_bucket(Bucket="snapshots", CreateBucketConfiguration={"LocationConstraint": REGION})
    tags = [{"Key": "vault-cluster", "Value": "staging"}]
    s3.put_bucket_tagging(Bucket="snapshots", Tagging={"TagSet": tags})
    log = journal.Journal(journal.open_home({**own, "tags": TAGS, "journal": {"bucket": "snapshots", "object": "o"}}))
    with pytest.raises(Problem, match="bucket snapshots: it carries the tag vault-cluster=staging, and not prod"):
        log.look(None)
    with pytest.raises(Problem, match="another cluster's"):
        log.prepare(reserved, reserved)
    assert "Contents" not in s3.list_objects_v2(Bucket="snapshots")


@pytest.fixture
def shared(aws, tmp_path):
    """Journal and records of two clusters of one name, each in its region, that were given one bucket."""
    s3 = boto3.client("s3", region_name=REGION, endpoint_url=aws)
    s3.create_bucket(Bucket="snapshots", CreateBucketConfiguration={"LocationConstraint": REGION})

    def homes_in(region, home=""):
        own = {**options("secretsmanager", aws, tmp_path), "tags": TAGS, "region": region, "bucket": "snapshots"}
        own["home_region"] = home
        log = journal.Journal(
            journal.open_home({**own, "journal": {"bucket": "snapshots", "object": "init/prod.journal"}})
        )
        return log, Records({**own, "prefix": "records/prod"})

    return s3, homes_in


def test_what_a_cluster_of_the_same_name_in_another_region_wrote_is_neither_read_nor_written_over(shared, reserved):
    s3, homes_in = shared
    (log, records), (other_log, other_records) = homes_in(REGION), homes_in("us-east-1")
    write = log.prepare(reserved, record.stand_in(reserved, BODY))
    version = records.write("canaries.json", b"[]", None)
    theirs = record.prepared("prod", "2026-11-25T00:00:00+00:00", "somebody@somewhere")
    for action in (
        lambda: other_log.look(theirs),
        lambda: other_log.prepare(theirs, theirs),
        lambda: other_records.read("canaries.json"),
        lambda: other_records.write("canaries.json", b"[1]", None),
    ):
        with pytest.raises(Problem, match=f"in {REGION} .*this run is about the one in us-east-1.*vault_aws_region"):
            action()
    write(keys(reserved))
    assert log.look(reserved) == "keys"
    assert records.read("canaries.json") == (b"[]", version)


def test_a_bucket_of_a_cluster_of_the_same_name_in_another_region_is_refused(shared):
    s3, homes_in = shared
    marks = {**TAGS, "vault-cluster-region": "us-east-1"}
    tags = {"TagSet": [{"Key": key, "Value": value} for key, value in marks.items()]}
    s3.put_bucket_tagging(Bucket="snapshots", Tagging=tags)
    (log, records), (_log, their_records) = homes_in(REGION), homes_in("us-east-1")
    for action in (lambda: log.look(None), lambda: records.write("a", b"1", None), lambda: records.names("drills/")):
        with pytest.raises(Problem, match="bucket snapshots: .* in us-east-1 .*another bucket"):
            action()
    assert "Contents" not in s3.list_objects_v2(Bucket="snapshots")
    assert their_records.write("a", b"1", None)


def test_in_its_second_region_a_cluster_uses_what_is_marked_as_that_of_its_home(shared):
    """And once that region has become its home, by the bucket's mark, what was written before is its own still."""
    s3, homes_in = shared

    def mark(region):
        marks = {**TAGS, "vault-cluster-region": region}
        s3.put_bucket_tagging(
            Bucket="snapshots", Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in marks.items()]}
        )

    mark(REGION)
    version = homes_in(REGION)[1].write("canaries.json", b"[]", None)
    log, records = homes_in("us-east-1", home=REGION)
    assert log.look(None) == "none"
    assert records.read("canaries.json") == (b"[]", version)
    version = records.write("canaries.json", b"[1]", version)
    with pytest.raises(Problem, match="this run is about the one in us-west-2"):
        homes_in("us-west-2", home="us-east-1")[1].read("canaries.json")
    homes_in(REGION)[1].write("drill.json", b"{}", None)
    mark("us-east-1")
    records = homes_in("us-east-1")[1]
    assert records.read("canaries.json") == (b"[1]", version)
    assert records.read("drill.json").data == b"{}"


def test_what_an_earlier_release_wrote_without_a_region_is_read_and_is_this_regions_from_then_on(shared):
    s3, homes_in = shared
    s3.put_object(Bucket="snapshots", Key="records/prod/canaries.json", Body=b"[]")
    records = homes_in(REGION)[1]
    held = records.read("canaries.json")
    assert held.data == b"[]"
    records.write("canaries.json", b"[1]", held.version)
    with pytest.raises(Problem, match=f"in {REGION}"):
        homes_in("us-east-1")[1].read("canaries.json")


def test_a_secret_without_a_tag_is_no_journal_of_ours(aws, tmp_path):
    """Unlike the recovery keys, nothing in it says whose it is."""
    own = {**options("secretsmanager", aws, tmp_path), "journal": {"secret": "vault/prod/recovery-journal"}}
    assert journal.open_home(own).write(b"theirs", None)
    with pytest.raises(Problem, match="has no tag vault-cluster=prod: it is not this cluster's"):
        journal.open_home({**own, "tags": TAGS}).read()


def test_a_journal_without_a_home_or_in_a_bucket_that_is_not_there_is_refused(aws, tmp_path):
    own = options("secretsmanager", aws, tmp_path)
    with pytest.raises(Problem, match="nowhere to stay.*no bucket, no secret and no file.*vault_snapshot_bucket"):
        journal.open_home({**own, "journal": {"bucket": "", "object": "o", "secret": "", "path": None}})
    log = journal.Journal(journal.open_home({**own, "journal": {"bucket": "nowhere", "object": "o"}}))
    with pytest.raises(Problem, match="there is no such bucket.*vault_snapshot_bucket"):
        log.look(None)


def test_a_secret_that_somebody_removes_is_no_absence_and_one_that_is_done_with_is(aws, tmp_path):
    home = journal.open_home(
        {**options("secretsmanager", aws, tmp_path), "tags": TAGS, "journal": {"secret": "vault/prod/recovery-journal"}}
    )
    home.write(b"keys", None)
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=aws)
    client.delete_secret(SecretId=home.name)
    with pytest.raises(Problem, match="scheduled for deletion.*restore-secret"):
        home.read()
    client.restore_secret(SecretId=home.name)
    client.tag_resource(SecretId=home.name, Tags=[{"Key": secret.DONE_TAG, "Value": "true"}])
    client.delete_secret(SecretId=home.name)
    assert home.read() is None


@settings(deadline=None)
@given(st.binary(max_size=400) | st.builds(lambda data: b"vaultops journal 2 answered " + data, st.binary()))
def test_whatever_is_in_a_journal_is_an_answer_or_an_error_of_ours(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.journal"
    path.write_bytes(data)
    log = journal.Journal(homes.File(str(path)))
    reservation = record.prepared("prod", "now")
    assert log.look(reservation) in ("sealed", "empty")
    with pytest.raises(Problem):
        log.read(reservation)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("prepared"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(record.TYPES)), inner),
    max_leaves=20,
)
DAMAGED = st.builds(
    lambda changes, gone: {
        name: value
        for name, value in {**record.prepared("prod", "now", "ada@desk"), **changes}.items()
        if name not in gone
    },
    st.dictionaries(st.sampled_from(sorted(record.TYPES)), JSON, max_size=3),
    st.sets(st.sampled_from(sorted(record.TYPES)), max_size=2),
)


@settings(deadline=None)
@given(st.binary() | st.just(b"[" * 100_000) | st.builds(lambda data: json.dumps(data).encode(), JSON | DAMAGED))
def test_whatever_is_in_a_sink_is_a_record_or_an_error_of_ours(data):
    try:
        found = record.load(data, "the sink")
    except ValueError as error:
        assert str(error).startswith("the sink holds")
    else:
        assert {name: type(value) in record.TYPES[name] for name, value in found.items()} == dict.fromkeys(
            record.TYPES, True
        )
        assert record.load(record.dump(found), "the sink") == found


def test_a_record_of_an_earlier_version_is_read(reserved):
    old = {name: value for name, value in reserved.items() if name not in ("who", "run")}
    assert record.load(json.dumps(old), "the sink") == {**reserved, "who": None, "run": None}


@pytest.mark.parametrize("pgp", [None, ["A" * 3000] * 5])
def test_the_stand_in_is_as_large_as_the_record_and_holds_no_secret(reserved, pgp):
    body = {**BODY, **({"recovery_pgp_keys": pgp, "root_token_pgp_key": "A" * 3000} if pgp else {})}
    # A PGP message to a key of 4096 bits: 1 KiB in base64; the key's export, with its signature, is longer.
    share, token = ("m" * 1100, "m" * 1100) if pgp else ("k" * 44, "hvs." + "t" * 24)
    full = record.stored(
        reserved,
        record.answered(reserved, body, {"recovery_keys_base64": [share] * 5, "root_token": token}),
        "7f0c1f9e-0000-4000-8000-000000000001",
    )
    stand_in = record.dump(record.stand_in(reserved, body))
    assert len(stand_in) >= len(record.dump({**full, "journal_key": reserved["journal_key"]}))
    assert reserved["journal_key"] not in stand_in


@pytest.mark.parametrize("check", [False, True])
def test_custody_is_described_without_its_keys(aws, tmp_path, run_module, reserved, check):
    own = {**options("secretsmanager", aws, tmp_path), "journal": {"secret": "vault/prod/j"}, "tags": TAGS}
    del own["path"]

    def look(cluster="prod"):
        return run_module(vault_custody_info, check=check, cluster_name=cluster, custody=own)

    nothing = look()
    where = "AWS Secrets Manager, secret vault/prod/recovery in eu-central-1"
    empty = {"status": "none", "cluster_id": None, "since": None, "who": None, "root_token_held": False}
    assert nothing["custody"] == {**empty, "where": where, "journal": "none"}
    assert nothing["changed"] is False

    sink = sinks.open_sink(own, "prod")
    sink.create(reserved)
    journal.Journal(journal.open_home(own)).prepare(reserved, reserved)
    begun = look()["custody"]
    assert (begun["status"], begun["who"], begun["since"]) == ("prepared", "ada@desk", reserved["since"])
    assert begun["journal"] == "ours"

    full = record.stored(reserved, keys(reserved), "id-1")
    sink.replace(full)
    answer = look()
    done = answer["custody"]
    assert (done["status"], done["cluster_id"], done["root_token_held"]) == ("stored", "id-1", True)
    assert SECRET not in json.dumps(answer) and full["recovery_keys"][0] not in json.dumps(answer)
    assert look("staging")["failed"] is True


def test_files_are_whole_or_absent(tmp_path):
    path = str(tmp_path / "file")
    assert files.create(path, b"one") is True
    assert files.create(path, b"two") is False
    files.replace(path, b"three")
    assert (tmp_path / "file").read_bytes() == b"three"
    assert os.listdir(tmp_path) == ["file"]


def test_storing_drops_the_journal_key(reserved):
    full = record.stored(reserved, keys(reserved), "id")
    assert full["journal_key"] is None
    assert full["status"] == "stored"
