"""What a drill reports, and which canary it looks for."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._cluster import drill
from ansible_collections.vaultops.cluster.plugins.modules import vault_canary

MANIFEST = {"name": "n", "raft_index": 7, "vault_version": "1.21.1", "begun": "2026-01-02T00:00:00Z"}
BEGUN = 1767312000.0  # 2026-01-02T00:00:00Z


def test_what_would_have_been_lost_and_how_long_it_took():
    found = drill.report(MANIFEST, BEGUN + 3600, BEGUN + 3640.4, None, {"written": "2026-01-01T23:00:00Z"})
    assert (found["rpo_seconds"], found["rto_seconds"]) == (3600, 40)
    assert (found["result"], found["problem"]) == ("passed", None)
    assert found["ended"] == "2026-01-02T01:00:40Z"
    assert found["canary_of"] == "2026-01-01T23:00:00Z"


def test_a_drill_that_failed_says_why():
    found = drill.report(MANIFEST, BEGUN, BEGUN, "it did not unseal", None)
    assert (found["result"], found["problem"], found["canary_of"]) == ("failed", "it did not unseal", None)


@pytest.mark.parametrize(
    ("before", "value"),
    [
        ("2026-01-01T00:00:00Z", None),
        ("2026-01-01T00:00:01Z", "a"),
        ("2026-01-03T00:00:00Z", "b"),
        ("2026-01-09T00:00:00Z", "c"),
    ],
)
def test_the_newest_canary_before_the_snapshot_counts(before, value):
    known = [{"written": f"2026-01-0{day}T00:00:00Z", "value": value} for day, value in ((1, "a"), (4, "c"), (2, "b"))]
    found = vault_canary.expected(known, before)
    assert (found["value"] if found else None) == value


def test_what_was_written_is_remembered(tmp_path):
    path = str(tmp_path / "canaries.json")
    assert vault_canary.read(path) == []
    vault_canary.write(path, [{"written": "x", "value": "y"}])
    assert vault_canary.read(path) == [{"written": "x", "value": "y"}]
