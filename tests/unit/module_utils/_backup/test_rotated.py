"""Audit files that were rotated: which there are, what they are called in the archive, and what is known to be there."""

from __future__ import annotations

import datetime
import gzip
import os

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import config, rotated
from ansible_collections.vaultops.cluster.plugins.module_utils._backup.rotated import Sent
from kit.manifests import GOOD

NOW = 1_795_000_000.0
ENTRY = b'{"time":"2026-11-25T23:59:58.123456789Z","type":"request"}\n'


def written(folder, name, content=ENTRY, age=3600.0):
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    os.utime(path, (NOW - age, NOW - age))
    return path


def found(folder, *names):
    return rotated.find([str(folder / name) for name in names or ("audit.log",)])


def keyed(one):
    with open(one.path, "rb") as stream:
        return rotated.key(one, stream)


def test_what_was_rotated_is_found_the_oldest_first_and_nothing_else(tmp_path):
    for age, name in enumerate(("audit.log", "audit.log.1", "audit.log.2.gz", "audit.log-20261101.gz"), 1):
        written(tmp_path, name, age=age * 1000)
    for name in ("audit.log.gz", "audit.log.1.bak", "audit.log.x", "other.log.1", "audit.log.old.1", "audit.logs.1"):
        written(tmp_path, name)
    (tmp_path / "audit.log.7").mkdir()
    (tmp_path / "audit.log.8").symlink_to("/etc/passwd")
    (tmp_path / "audit.log.9").write_bytes(b"")
    assert [os.path.basename(one.path) for one in found(tmp_path)] == [
        "audit.log-20261101.gz",
        "audit.log.2.gz",
        "audit.log.1",
    ]
    assert {one.live for one in found(tmp_path)} == {str(tmp_path / "audit.log")}


def test_an_audit_file_whose_directory_is_not_there_has_none(tmp_path):
    written(tmp_path, "audit.log.1")
    assert len(rotated.find([str(tmp_path / "lost" / "audit.log"), str(tmp_path / "audit.log")])) == 1


def test_a_file_is_known_by_what_it_says_whatever_it_is_called_and_however_it_is_packed(tmp_path):
    written(tmp_path, "audit.log.1")
    first = keyed(found(tmp_path)[0])
    (tmp_path / "audit.log.1").unlink()
    written(tmp_path, "audit.log.2.gz", age=9)
    (one,) = found(tmp_path)
    assert keyed(one) == first
    assert first.startswith("2026/11/25/audit.log-20261125T235958Z-") and first.endswith(".gz")
    written(tmp_path, "audit.log.2.gz", ENTRY + ENTRY)
    assert keyed(found(tmp_path)[0]) != first


@pytest.mark.parametrize(
    "line",
    [b"no entry", b"{}", b"[]", b'{"time": 7}', b'{"time": "yesterday"}', b'{"time": "2026-13-41T00:00:00Z"}', b"\xff"],
)
def test_what_is_no_entry_has_the_time_of_its_file(tmp_path, line):
    assert rotated.begun_at(line) is None
    written(tmp_path, "audit.log.1", line + b"\n")
    moment = datetime.datetime.fromtimestamp(NOW - 3600, datetime.timezone.utc)
    assert keyed(found(tmp_path)[0]).startswith(f"{moment:%Y/%m/%d}/audit.log-{moment:%Y%m%dT%H%M%SZ}-")


@pytest.mark.parametrize("cut", [1, 15, -1])
def test_a_compressed_file_that_is_not_whole_is_broken(tmp_path, cut):
    path = written(tmp_path, "audit.log.2.gz", ENTRY * 100)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(rotated.Broken):
        keyed(found(tmp_path)[0])


@pytest.mark.parametrize(("age", "settled"), [(0, False), (119, False), (120, True), (9999, True), (-500, True)])
def test_what_was_just_rotated_may_still_be_written_to(tmp_path, age, settled):
    written(tmp_path, "audit.log.1", age=age)
    assert found(tmp_path)[0].is_settled(NOW) is settled


def test_a_file_that_changed_or_took_another_name_is_noticed(tmp_path):
    path = written(tmp_path, "audit.log.1")
    (one,) = found(tmp_path)
    with path.open("rb") as stream:
        assert one.is_still(stream)
        with path.open("ab") as more:
            more.write(ENTRY)
        assert not one.is_still(stream)
    (one,) = found(tmp_path)
    path.rename(tmp_path / "audit.log.2")
    written(tmp_path, "audit.log.1")
    with path.open("rb") as stream:
        assert not one.is_still(stream)


def test_what_was_sent_is_remembered_by_name_and_by_file(tmp_path):
    written(tmp_path, "audit.log.1")
    (one,) = found(tmp_path)
    sent = Sent("")
    assert not sent.has(one)
    sent.add(one, "a", NOW)
    again = Sent(sent.text())
    assert again.has(one) and again.keys == {"a": NOW}
    again.add(one, "a", NOW + 9)
    assert again.keys == {"a": NOW}, "when it was sent, and not when it was seen"


def test_what_is_gone_is_forgotten_some_day(tmp_path):
    written(tmp_path, "audit.log.1")
    (one,) = found(tmp_path)
    sent = Sent("")
    sent.add(one, "there", NOW - 100)
    sent.keys |= {"old": NOW - 100, "young": NOW - 1}
    sent.marks["gone"] = "young"
    sent.forget([one], NOW - 50)
    assert sent.keys == {"there": NOW - 100, "young": NOW - 1} and set(sent.marks) == {one.mark}


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"keys": 1, "marks": {}}', '{"keys": {"a": "x"}, "marks": {}}'])
def test_a_damaged_record_is_an_empty_one(text):
    assert Sent(text).keys == Sent(text).marks == {}


def test_an_archive_s_configuration_is_checked():
    given = {"directory": "/var/lib/x", "files": ["/var/log/vault/audit.log"], "s3": {**GOOD["s3"], "prefix": "/a/b/"}}
    parsed = config.parse_archive(given)
    assert (parsed.s3.prefix, parsed.metrics_file, parsed.reserve_mib) == ("a/b", None, 256)
    for wrong, says in (
        ({"files": []}, "files must be a list of absolute paths"),
        ({"files": ["audit.log"]}, "files must be a list of absolute paths"),
        ({"s3": None}, "s3 must be an object"),
        ({"vault": {}}, "vault is no known field"),
    ):
        with pytest.raises(ValueError) as caught:
            config.parse_archive({**given, **wrong})
        assert says in str(caught.value)
