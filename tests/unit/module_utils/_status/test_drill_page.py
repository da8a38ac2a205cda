"""The page of the restore drills, read as a browser's parser reads it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import drill
from ansible_collections.vaultops.cluster.plugins.module_utils._status import drill_page, limits, render
from kit import status_samples as samples
from kit.pages import EVIL, Reader


def read(drills, **about):
    return Reader(render.drills("prod", drills, limits.of(about)))


def tiles(page):
    """What each tile says, and by which sign."""
    signs = [one["aria-label"] for one in page.named("svg") if one["class"] == "inline"][1:]
    return list(zip(page.said("dt"), page.said("dd"), signs, strict=False))[:3]


def test_a_drill_that_passed_says_what_was_lost_and_how_long_it_took():
    page = read(samples.drills(14))
    assert page.said("h1") == ["Restore drill of prod"]
    assert tiles(page) == [
        ("Lost at most", "3 hours 12 minutes", "good"),
        ("Restored within", "41 seconds", "good"),
        ("Value from before", "found", "good"),
    ]
    assert len([one for one in page.named("svg") if one["class"] == "plot"]) == 2
    # Two of the fourteen failed, and the table has the last ten.
    assert len([one for one in page.named("circle") if one.get("class") == "dot"]) == 2 * 12
    assert len(page.named("tr")) == 1 + drill_page.SHOWN


def test_a_drill_that_failed_has_no_time_of_a_restore():
    failed = {**samples.DRILL, "result": "failed", "problem": "it did not unseal", "rto_seconds": 9, "canary_of": None}
    page = read([failed])
    assert tiles(page) == [
        ("Lost at most", "3 hours 12 minutes", "good"),
        ("Restored within", "unknown", "unknown"),
        ("Value from before", "unknown", "unknown"),
    ]
    assert "it did not unseal" in page.said("dd")
    assert "None has passed yet." in page.said("p")


@pytest.mark.parametrize(
    ("change", "tile"),
    [
        ({"rpo_seconds": 8 * 3600 + 1}, ("Lost at most", "8 hours", "problem")),
        ({"rpo_seconds": None, "snapshot": None}, ("Lost at most", "unknown", "unknown")),
        ({"canary_of": None}, ("Value from before", "none was written", "notice")),
    ],
)
def test_what_is_not_as_it_should_be_has_another_sign(change, tile):
    assert tile in tiles(read([{**samples.DRILL, **change}]))


def test_what_somebody_named_never_becomes_an_element():
    evil = {**samples.DRILL, "result": EVIL, "snapshot": EVIL, "vault_version": EVIL, "problem": EVIL}
    page = Reader(render.drills(EVIL, [evil]))
    assert "script" not in {name for name, _attributes in page.elements}
    assert EVIL in page.said("dd")
    assert f"Restore drill of {EVIL}" in page.said("h1")


def test_how_much_may_be_lost_follows_from_how_often_snapshots_are_taken():
    assert ("Lost at most", "3 hours 12 minutes", "good") in tiles(read([samples.DRILL]))
    hourly = read([samples.DRILL], snapshot_every_seconds=3600)
    assert ("Lost at most", "3 hours 12 minutes", "problem") in tiles(hourly)


def test_reports_come_oldest_first_and_a_broken_one_hides_none():
    older = {**samples.DRILL, "finished_at": "2026-11-19T00:00:00Z"}
    texts = {"a": json.dumps(samples.DRILL), "b": "{", "c": json.dumps(older), "d": OSError("it is locked")}
    found, unreadable = drill.read(texts)
    assert [one["finished_at"] for one in found] == [older["finished_at"], samples.DRILL["finished_at"]]
    assert [text.split(" ", 1)[0] for text in unreadable] == ["b", "d"]


def test_a_drill_of_openbao_has_its_product_and_the_version_as_its_releases_are_numbered():
    page = read([samples.DRILL, {**samples.DRILL, "vault_version": "2.6.2+openbao"}])
    assert "OpenBao" in page.said("dt") and "OpenBao" in page.said("th")
    assert "2.6.2" in page.said("dd") and "Vault" not in [*page.said("dt"), *page.said("th")]
    assert not any("+openbao" in said for said in page.said())
