"""A record on a node: whole or absent, its owner's alone, and never written over unread."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_node_record


@pytest.fixture
def record(run_module, tmp_path):
    def run(check=False, **more):
        said = run_module(vault_node_record, check, directory=str(tmp_path / "records"), name="canaries.json", **more)
        return {name: value for name, value in said.items() if name != "invocation"}

    return run


def test_what_is_written_is_read_again_and_is_its_owners_alone(record, tmp_path):
    assert record() == {"changed": False, "content": None}
    assert record(content="one") == {"changed": True, "content": "one"}
    assert record() == {"changed": False, "content": "one"}
    assert record(content="one", replaces="one")["changed"] is False
    assert record(content="two", replaces="one")["changed"] is True
    assert record()["content"] == "two"
    path = tmp_path / "records" / "canaries.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["canaries.json"]


def test_a_look_and_check_mode_make_nothing(record, tmp_path):
    record()
    assert record(check=True, content="one") == {"changed": True, "content": "one"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("replaces", [{}, {"replaces": "older"}])
def test_what_another_run_wrote_since_it_was_read_stays(record, replaces):
    record(content="theirs")
    said = record(content="ours", **replaces)
    assert "another run wrote" in said["msg"] and "canaries.json since it was read" in said["msg"]
    assert record()["content"] == "theirs"


def test_a_record_that_can_not_be_read_is_no_absence(record, tmp_path):
    (tmp_path / "records" / "canaries.json").mkdir(parents=True)
    assert "Is a directory" in record()["msg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory away, which only root may")
def test_a_directory_of_somebody_else_is_refused(record, tmp_path):
    (tmp_path / "records").mkdir()
    os.chown(tmp_path / "records", 65534, 65534)
    assert "is not a directory of user 0" in record(content="one")["msg"]
    assert list((tmp_path / "records").iterdir()) == []
