from __future__ import annotations

import os
import stat

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.custody import files, journal, record, sinks
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from conftest import REGION

SECRET = "s.very-secret-root-token"


def keys(reservation):
    return {**reservation, "recovery_keys": ["a2V5"] * 5, "root_token": SECRET}


@pytest.fixture
def reserved():
    return record.prepared("prod", "2026-01-01T00:00:00+00:00")


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
    sink.prove_writable(reserved)
    full = record.stored(reserved, keys(reserved), "id")
    sink.replace(full)
    assert sink.read() == full
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
    sink.prove_writable(reserved)
    assert sink.read() == full


def test_a_kms_file_is_not_readable_without_kms(aws, tmp_path, reserved):
    kms = boto3.client("kms", region_name=REGION, endpoint_url=aws)
    arn = kms.create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    sink = sinks.open_sink({**options("kms_file", aws, tmp_path), "kms_key_id": arn}, "prod")
    sink.create(keys(reserved))
    content = (tmp_path / "keys" / "recovery").read_bytes()
    assert SECRET.encode() not in content
    other = sinks.open_sink({**options("kms_file", aws, tmp_path), "kms_key_id": arn}, "another cluster")
    with pytest.raises(VaultError, match="Decrypt was refused"):
        other.read()


def test_a_record_too_large_for_kms_is_refused(aws, tmp_path, reserved):
    sink = sinks.open_sink({**options("kms_file", aws, tmp_path), "kms_key_id": "alias/x"}, "prod")
    with pytest.raises(VaultError, match="4096 at most"):
        sink.create({**reserved, "recovery_keys": ["k" * 50] * 100})


def test_somebody_elses_secret_is_not_overwritten(aws, tmp_path):
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=aws)
    client.create_secret(Name="vault/prod/recovery", SecretString="a database password")
    with pytest.raises(VaultError, match="not a custody record"):
        sinks.open_sink(options("secretsmanager", aws, tmp_path), "prod").read()


def test_a_sink_out_of_reach_is_an_error_and_not_an_absence(tmp_path):
    with pytest.raises(VaultError, match="Check the region"):
        sinks.open_sink(options("secretsmanager", "http://127.0.0.1:9", tmp_path), "prod").read()


def test_the_journal_hides_its_content_and_opens_only_with_its_key(tmp_path, reserved):
    path = str(tmp_path / "state" / "init.journal")
    journal.write(path, reserved["journal_key"], keys(reserved))
    assert SECRET.encode() not in (tmp_path / "state" / "init.journal").read_bytes()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert journal.read(path, reserved["journal_key"]) == keys(reserved)
    with pytest.raises(VaultError, match="was not written with the key"):
        journal.read(path, record.prepared("prod", "now")["journal_key"])


def test_a_journal_is_never_overwritten(tmp_path, reserved):
    path = str(tmp_path / "init.journal")
    journal.write(path, reserved["journal_key"], keys(reserved))
    with pytest.raises(VaultError, match="Keep it safe"):
        journal.write(path, reserved["journal_key"], keys(reserved))


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
