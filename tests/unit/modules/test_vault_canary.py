"""A value that a restore has to bring back: on record before it is in Vault, and compared with what is there afterwards."""

from __future__ import annotations

import datetime
import json
import stat
import types

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._objects import homes
from ansible_collections.vaultops.cluster.plugins.modules import vault_canary
from labkit.settings import REGION

AT = "sys/policies/acl/vaultops-canary"
UTC = datetime.timezone.utc


def moment(hours):
    """By the clock of a controller that wrote its last canary at 12 o'clock."""
    return datetime.datetime(2026, 11, 24, 12 + hours, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def known(hours, sure=True):
    return {"written": moment(hours), "value": f"# {moment(hours)} {hours:032x}", "sure": sure}


@pytest.fixture
def bucket(aws):
    client = boto3.client("s3", region_name=REGION, endpoint_url=aws)
    client.create_bucket(Bucket="snapshots", CreateBucketConfiguration={"LocationConstraint": REGION})
    return {"bucket": "snapshots", "prefix": "records/prod", "region": REGION, "endpoint_url": aws}


@pytest.fixture
def record(aws, bucket):
    """The one in the bucket."""

    class Record:
        client = boto3.client("s3", region_name=REGION, endpoint_url=aws)
        at = types.MappingProxyType({"Bucket": "snapshots", "Key": "records/prod/canaries.json"})

        def exists(self):
            return "Contents" in self.client.list_objects_v2(Bucket="snapshots")

        def read_text(self):
            return self.client.get_object(**self.at)["Body"].read().decode()

        def write_text(self, text):
            self.client.put_object(**self.at, Body=text.encode())

    return Record()


@pytest.fixture
def canary(as_operator, bucket, run_module):
    def run(state, check=False, **more):
        return run_module(vault_canary, check, **{**as_operator, "state": state, "records": bucket, **more})

    return run


@pytest.fixture
def found(canary):
    """Looks for the canary of a snapshot that was begun and complete at these hours."""
    return lambda before, until, **more: canary("found", before=moment(before), until=moment(until), **more)


def test_one_that_is_written_is_found_again(vault, canary, record):
    said = canary("written")
    assert said["changed"] is True
    assert vault.writes == [AT]
    (kept,) = json.loads(record.read_text())
    assert kept == {"written": said["written"], "value": vault.kept[AT]["policy"], "sure": True}
    later = canary("found", before="2100-01-01T00:00:00Z", until="2100-01-01T00:00:00Z")
    assert (later["changed"], later["written"]) == (False, said["written"])
    assert vault.tokens == set()


def test_every_value_is_a_new_one_that_allows_nothing(vault, canary):
    canary("written")
    first = vault.kept[AT]["policy"]
    canary("written")
    second = vault.kept[AT]["policy"]
    assert first != second
    for policy in (first, second):
        assert policy.startswith("# ")
        assert "\n" not in policy, "a comment, and not a rule"


def test_only_what_the_nodes_are_to_note_holds_the_value(vault, canary, found):
    written = canary("written")
    looked = found(0, 1)
    for said in ({**written, "record": None}, looked):
        assert vault.kept[AT]["policy"].split()[-1] not in json.dumps(said)


def test_check_mode_writes_nowhere_and_says_the_same(vault, canary, record):
    said = canary("written", check=True)
    assert said["changed"] is True
    assert set(said) == set(canary("written"))
    assert datetime.datetime.fromisoformat(said["written"]).tzinfo
    assert len(vault.writes) == len(json.loads(record.read_text())) == 1, "that of the run without check mode"


def test_one_that_vault_refuses_is_on_record_as_not_sure(vault, canary, record):
    """It may have been written all the same: nothing that Vault may hold is unknown later."""
    vault.faults[AT] = 503, b'{"errors": ["Vault is sealed"]}'
    said = canary("written")
    assert said["msg"].startswith("vault-1: Vault refused: Vault is sealed")
    (kept,) = json.loads(record.read_text())
    assert kept["sure"] is False
    assert vault.tokens == set()


REFUSED = 403, b'{"errors": ["permission denied"]}'


def test_who_can_not_log_in_notes_nothing(vault, canary, record):
    """A value that is never written would in the end push out those that were."""
    vault.faults["auth/cert/login"] = REFUSED
    assert "permission denied" in canary("written")["msg"]
    assert not record.exists() and vault.writes == []


def test_only_the_last_five_hundred_stay_on_record(canary, record):
    record.write_text(json.dumps([known(0)] * 700))
    canary("written")
    assert len(json.loads(record.read_text())) == 501


def test_a_record_that_can_not_be_written_leaves_vault_alone(vault, canary, bucket, tmp_path):
    (tmp_path / "obstacle").write_text("")
    said = canary("written", records={**bucket, "directory": str(tmp_path / "obstacle" / "records")})
    assert "Not a directory" in said["msg"]
    assert vault.writes == []


def test_a_blank_controller_finds_in_the_bucket_what_another_one_wrote(vault, canary, bucket, tmp_path):
    said = canary("written", records={**bucket, "directory": str(tmp_path / "copies")})
    times = {"before": "2100-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    assert canary("found", records=bucket, **times)["written"] == said["written"]
    copy = tmp_path / "copies" / "records" / "prod" / "canaries.json"
    assert json.loads(copy.read_text())[0]["value"] == vault.kept[AT]["policy"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    # The copy is for people: nothing is read from it.
    copy.write_text("[]")
    assert canary("found", records={**bucket, "directory": str(tmp_path / "copies")}, **times)["written"]


def test_of_two_that_write_at_once_the_second_is_told(vault, canary, bucket, monkeypatch):
    read = homes.Object.read

    def late(home):
        monkeypatch.setattr(homes.Object, "read", read)
        held = read(home)
        canary("written", records=bucket)
        return held

    monkeypatch.setattr(homes.Object, "read", late)
    said = canary("written", records=bucket)
    assert "records/prod/canaries.json: another run wrote it since it was read" in said["msg"]
    assert len(vault.writes) == 1, "that of the first"


def test_where_nothing_is_written_down_that_is_said_and_vault_is_left_alone(vault, as_operator, run_module_whole):
    for state, says in (("written", "No canary was written"), ("found", "was not looked for")):
        times = {"before": moment(0), "until": moment(0)}
        said = run_module_whole(vault_canary, **as_operator, state=state, records={}, **times)
        assert (said["changed"], said["written"]) == (False, None)
        assert says in str(said["warnings"])
    assert vault.writes == []


@pytest.mark.parametrize("spoilt", ["{", ""])
def test_a_record_that_is_damaged_is_an_error_and_not_an_empty_one(vault, canary, record, spoilt):
    record.write_text(spoilt)
    assert canary("written")["failed"]
    assert record.read_text() == spoilt
    assert vault.writes == []


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (0, None),
        # Written while the snapshot was made: it may be in it.
        (2, None),
        (-1, f"the canary of {moment(0)} is not there (that of {moment(-1)} is)"),
        (None, f"the canary of {moment(0)} is not there (there is none)"),
        ("unknown", f"the canary of {moment(0)} is not there (an unknown one is)"),
        (5, f"the canary of {moment(5)} is there, which is later than the snapshot"),
    ],
)
def test_what_a_restore_brought_back(vault, found, record, there, says):
    record.write_text(json.dumps([known(hours) for hours in (-1, 0, 2, 5)]))
    if there is not None:
        policy = "# somebody's" if there == "unknown" else known(there)["value"]
        vault.kept[AT] = {"name": "vaultops-canary", "policy": policy}
    said = found(1, 3)
    if says:
        assert said["msg"].startswith(f"vault-1: {says}. What was ")
    else:
        assert (said["changed"], said["written"]) == (False, moment(there))
    assert vault.writes == []
    assert vault.tokens == set()


@pytest.mark.parametrize("there", [[], [known(0, sure=False), known(2)]])
def test_where_nothing_had_to_be_there_nothing_is_missing_and_that_is_said(
    as_operator, run_module_whole, bucket, record, there
):
    record.write_text(json.dumps(there))
    times = {"before": moment(1), "until": moment(3)}
    said = run_module_whole(vault_canary, **as_operator, state="found", records=bucket, **times)
    assert said["written"] is None
    assert "no value is on record that Vault had before" in str(said["warnings"])


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ((403, b'{"errors": ["permission denied"]}'), "vault-1: permission denied"),
        ((503, b'{"errors": ["Vault is sealed"]}'), "vault-1: Vault refused: Vault is sealed"),
        (None, "vault-1: no connection ("),
    ],
)
def test_a_vault_that_does_not_say_is_no_vault_without_a_canary(vault, found, record, fault, says):
    vault.faults[AT] = fault
    said = found(1, 3)
    assert said["failed"]
    assert said["msg"].startswith(says)
    assert vault.tokens == set()


def test_a_time_that_is_none_is_refused(canary):
    assert "yesterday" in canary("found", before="yesterday", until=moment(0))["msg"]


def test_what_is_looked_for_needs_a_time(canary):
    assert canary("found")["msg"] == "state is found but all of the following are missing: before, until"


@pytest.mark.parametrize("state", ["written", "found"])
@pytest.mark.parametrize("content", ["{", "{}", "[1]", "null", '[{"written": "x"}]'])
def test_a_canary_record_that_is_damaged_is_named(canary, record, state, content):
    record.write_text(content)
    said = canary(state, before=moment(0), until=moment(0))
    assert said.get("failed") and "s3://snapshots/records/prod/canaries.json" in said["msg"]


NODES = ("vault-1", "vault-2", "vault-3")


@pytest.fixture
def nodes(as_operator, run_module_whole):
    """The nodes' records, and what the role does with them."""

    class Nodes:
        texts = dict.fromkeys(NODES)
        records = types.MappingProxyType({})

        def ask(self, state, names=NODES, check=False, **more):
            seen = {name: self.texts[name] for name in names}
            records = dict(self.records)
            return run_module_whole(
                vault_canary, check, **as_operator, state=state, records=records, on_nodes=seen, of_nodes=3, **more
            )

        def note(self, said, names=NODES):
            self.texts.update(dict.fromkeys(names, said["record"]))

        def write(self, names=NODES):
            noted = self.ask("noted", names)
            self.note(noted, names)
            said = self.ask("written", names, noted=noted["written"])
            self.note(said, names)
            return said

        def find(self, names=NODES, before="2100-01-01T00:00:00Z", until="2100-01-01T00:00:00Z"):
            return self.ask("found", names, before=before, until=until)

    return Nodes()


def test_on_nodes_a_value_is_noted_before_vault_has_it(vault, nodes):
    said = nodes.ask("noted")
    assert said["changed"] is True and vault.writes == []
    (noted,) = json.loads(said["record"])
    assert noted["sure"] is False and noted["written"] == said["written"]
    nodes.note(said)
    later = nodes.ask("written", noted=said["written"])
    assert vault.writes == [AT] and vault.kept[AT]["policy"] == noted["value"]
    assert json.loads(later["record"]) == [{**noted, "sure": True}]
    assert vault.tokens == set()


def test_who_can_not_log_in_notes_nothing_on_nodes_either(vault, nodes):
    vault.faults["auth/cert/login"] = REFUSED
    said = nodes.ask("noted")
    assert said["failed"] and "permission denied" in said["msg"]


def test_what_one_node_has_missed_another_one_tells(nodes):
    said = nodes.write(("vault-1", "vault-2"))
    assert nodes.texts["vault-3"] is None
    assert nodes.find(("vault-2", "vault-3"))["written"] == said["written"]


def test_a_value_that_is_noted_and_was_lost_is_missed(vault, nodes):
    nodes.write()
    vault.kept[AT] = {"policy": "# of another time"}
    assert "is not there (an unknown one is)" in nodes.find()["msg"]


def test_a_minority_of_the_nodes_is_no_record(vault, nodes):
    nodes.write(("vault-1", "vault-2"))
    writes = list(vault.writes)
    for state, more in (("noted", {}), ("found", {"before": moment(0), "until": moment(0)})):
        said = nodes.ask(state, ("vault-3",), **more)
        assert (said["changed"], said["written"], said["record"]) == (False, None, None)
        assert "only 1 of 3 were read" in str(said["warnings"])
    assert vault.writes == writes


def test_a_damaged_record_on_a_node_is_named(nodes):
    nodes.write()
    nodes.texts["vault-2"] = "[{"
    assert "the record on vault-2" in nodes.find()["msg"]


def test_only_the_last_five_hundred_stay_on_the_nodes(nodes):
    nodes.note({"record": json.dumps([{**known(0), "value": str(number)} for number in range(700)])})
    assert len(json.loads(nodes.ask("noted")["record"])) == 501


def test_on_nodes_check_mode_leaves_vault_alone(vault, nodes):
    said = nodes.ask("noted", check=True)
    nodes.note(said)
    assert nodes.ask("written", noted=said["written"], check=True)["changed"] is True
    assert vault.writes == []


@pytest.fixture
def copy(nodes, tmp_path):
    nodes.records = {"directory": str(tmp_path), "prefix": "records/prod"}
    return tmp_path / "records" / "prod" / "canaries.json"


def test_a_directory_has_a_copy_of_what_the_nodes_have(nodes, copy):
    nodes.write()
    nodes.write()
    assert json.loads(copy.read_text()) == json.loads(nodes.texts["vault-1"])
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_the_copy_may_be_lost_and_is_made_again(nodes, copy):
    first = nodes.write()
    copy.unlink()
    assert nodes.find()["written"] == first["written"]
    nodes.write()
    assert [one["written"] for one in json.loads(copy.read_text())][0] == first["written"]


def test_where_every_node_lost_its_disk_the_copy_tells(vault, nodes, copy):
    nodes.write()
    nodes.texts = dict.fromkeys(NODES)
    vault.kept[AT] = {"policy": "# of another time"}
    assert "is not there (an unknown one is)" in nodes.find()["msg"]


def test_a_machine_that_is_no_node_compares_with_the_copy(vault, nodes, copy):
    said = nodes.write()
    assert nodes.find(())["written"] == said["written"]
    vault.kept[AT] = {"policy": "# of another time"}
    assert "is not there (an unknown one is)" in nodes.find(())["msg"]
    copy.unlink()
    assert "only 0 of 3 were read" in str(nodes.find(())["warnings"])


def test_in_check_mode_there_is_no_copy(nodes, copy):
    said = nodes.ask("noted", check=True)
    nodes.note(said)
    assert nodes.ask("written", noted=said["written"], check=True)["changed"] is True
    assert not copy.exists()


def test_a_bucket_that_is_named_later_gets_what_the_nodes_have(vault, nodes, record, bucket):
    first = nodes.write()
    nodes.records = bucket
    assert nodes.find()["written"] == first["written"], "before the bucket has a record"
    second = nodes.ask("written")
    nodes.note(second)
    assert [one["written"] for one in json.loads(record.read_text())] == [first["written"], second["written"]]
    assert nodes.find(("vault-2",))["written"] == second["written"], "a bucket needs no majority"
    nodes.records = {}
    assert nodes.find()["written"] == second["written"], "where the bucket is given no more, the nodes know"


def test_a_node_that_is_new_gets_what_the_others_have(vault, nodes):
    assert nodes.ask("gathered")["record"] is None, "nothing to note"
    nodes.write(("vault-1", "vault-2"))
    nodes.texts["vault-1"] = None
    writes = list(vault.writes)
    said = nodes.ask("gathered")
    assert (said["changed"], json.loads(said["record"])) == (False, json.loads(nodes.texts["vault-2"]))
    assert "only 1 of 3 were read" in str(nodes.ask("gathered", ("vault-3",))["warnings"])
    assert vault.writes == writes
