"""What the status says of snapshots of two clusters."""

from __future__ import annotations

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
