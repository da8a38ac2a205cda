"""What the status says of snapshots of two clusters, and who may read which canaries were written."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.modules import vault_canary
from kit.manifests import ID, OTHER_ID
from kit.status_samples import document, snapshots


def said(*ids: str) -> list[str]:
    taken = snapshots(len(ids))
    for one, cluster_id in zip(taken["snapshots"], ids, strict=True):
        one["cluster_id"] = cluster_id
    return [f"{one['level']}: {one['text']}" for one in document(snapshots=taken)["findings"]]


def test_snapshots_of_a_new_cluster_after_those_of_an_old_one_are_a_finding():
    (found,) = said(OTHER_ID, OTHER_ID, ID, ID)
    assert found.startswith(f"notice: The newest snapshot is of another cluster id than those before ({OTHER_ID})")
    assert said(ID, ID, ID) == said(ID) == []


def test_canaries_are_this_user_s_alone_and_nothing_half_stays(tmp_path: Path):
    record = tmp_path / "canaries.json"
    record.write_text("[]")
    # Where the name is known before, a link may wait there.
    (tmp_path / "canaries.json.partial").symlink_to(tmp_path / "elsewhere")
    before = os.umask(0)
    try:
        vault_canary.write(str(record), [{"written": "2026-11-24T10:00:00Z", "value": "# x", "sure": True}])
    finally:
        os.umask(before)
    assert record.stat().st_mode & 0o777 == 0o600
    assert vault_canary.read(str(record))[0]["value"] == "# x"
    assert not (tmp_path / "elsewhere").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"canaries.json", "canaries.json.partial"}
