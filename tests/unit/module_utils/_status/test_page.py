"""The status page, read as a browser's parser reads it."""

from __future__ import annotations

import math

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._status import page, picture, svg
from ansible_collections.vaultops.cluster.plugins.module_utils._status.markup import Safe, tag
from kit import status_samples as samples
from kit.pages import ALLOWED_LINKS, EVIL, FETCHES, Reader
from kit.status_samples import certificates, document, node, peer, raft, snapshots, status


@pytest.mark.parametrize("make", samples.EVERY.values(), ids=samples.EVERY)
def test_a_page_is_whole_and_needs_nothing_besides_itself(make):
    made = make()
    text = page.page(made)
    read = Reader(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & {name for name, _ in read.elements}
    for name, attributes in read.elements:
        assert not FETCHES & attributes.keys(), name
        assert attributes.get("href", "data:,") in ALLOWED_LINKS
        assert not any(key.startswith("on") for key in attributes)
    assert "url(" not in text and "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert all(one.get("aria-label") and one.get("viewbox") for one in read.named("svg"))
    for one in made["nodes"]:
        assert one["name"] in read.said("th")
        assert read.said("text").count(one["name"]) == 2, "in the wide drawing and in the narrow one"
    assert len(read.named("table")) == (2 if made["snapshots"]["listed"] else 1)
    assert len([one for one in read.named("svg") if one["class"] == "plot"]) == (
        2 if made["snapshots"]["listed"] else 0
    )
    for finding in made["findings"]:
        assert finding["text"] in read.said("span")


def test_what_somebody_named_never_becomes_an_element():
    nodes = [
        node(1, name=EVIL, state="active", url=EVIL, version=EVIL),
        node(2, state="unreachable", error=EVIL),
        node(3, state=EVIL),
    ]
    taken = snapshots(3, node_name="x")
    taken["snapshots"] = [dict(one, name=EVIL, node_name=EVIL) for one in taken["snapshots"]]
    taken["broken"] = [{"key": EVIL, "problem": EVIL}]
    made = document(
        about={"name": EVIL, "region": EVIL, "key_alias": EVIL, "bucket": EVIL, "prefix": EVIL},
        status=status(nodes, EVIL, EVIL),
        certificates={"certificates": [{**one, "problem": EVIL} for one in certificates(nodes)["certificates"]]},
        raft={**raft(peer(1, node_id=EVIL), peer(9, node_id=EVIL)), "autopilot": {EVIL: EVIL}},
        key={"kms_keys": [{**samples.KEY, "key_state": EVIL, "arn": EVIL, "deletion_date": EVIL, "enabled": False}]},
        snapshots=taken,
        drills={
            EVIL: "{",
            "a": '{"ended": "2026-11-01T00:00:00Z", "result": "<script>", "snapshot": "<b>", "problem": "\\""}',
        },
    )
    read = Reader(page.page(made))
    plain = Reader(page.page(document()))
    assert "script" not in {name for name, _ in read.elements}
    assert {name for name, _ in read.elements} <= {name for name, _ in plain.elements} | {"ul", "li", "b"}
    assert EVIL in read.said("th")
    assert EVIL in read.said("h1")


def test_only_markup_is_put_in_as_it_is():
    assert tag("p", "<b>", Safe("<i></i>"), title='"', data_label="x", class_=None) == (
        '<p title="&quot;" data-label="x">&lt;b&gt;<i></i></p>'
    )


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (document(), "Nothing: all is as it should be."),
        (samples.down(), "does not answer"),
        (samples.degraded(), "the restored cluster did not unseal"),
        (samples.without_snapshots(), "There is none in example-vault-snapshots."),
        (samples.two_hundred(), "and 221 older ones."),
        (document(about={**samples.ABOUT, "bucket": ""}), "Unknown: no bucket is set (vault_snapshot_bucket)."),
    ],
)
def test_it_says_what_there_is(made, says):
    assert any(says in text for text in Reader(page.page(made)).said())


@pytest.mark.parametrize(
    ("one", "level"),
    [
        (node(1, state="active", peer=None), "ok"),
        (node(1, peer=peer(1)), "ok"),
        (node(1, peer=peer(1, healthy=False)), "notice"),
        (node(1, state="sealed", peer=peer(1)), "problem"),
        (node(1, state="unreachable", peer=None), "problem"),
        (node(1, state="removed", peer=None), "problem"),
        (node(1, state="uninitialized", peer=None), "notice"),
        (node(1, state="unknown", peer=None), "unknown"),
    ],
)
def test_the_level_of_a_node(one, level):
    assert picture.level_of(one) == level


@pytest.mark.parametrize(
    ("biggest", "ticks"),
    [
        (0, [0, 0.25, 0.5, 0.75, 1.0, 1.25]),
        (8, [0, 2, 4, 6, 8, 10]),
        (13.5, [0, 5, 10, 15]),
        (99, [0, 25, 50, 75, 100]),
        (1000, [0, 250, 500, 750, 1000, 1250]),
    ],
)
def test_values_have_round_ticks(biggest, ticks):
    assert svg.value_ticks(biggest) == ticks


@pytest.mark.parametrize("biggest", [1e-3, 0.3, 1, 3.99, 7, 64, 1023, 5e6])
def test_ticks_reach_beyond_the_biggest_value(biggest):
    ticks = svg.value_ticks(biggest)
    assert 3 <= len(ticks) - 1 <= 6
    assert ticks[-1] > biggest >= ticks[-2] * (1 - 1e-9)


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (5, ["09:00", "10:00", "11:00", "12:00", "13:00", "14:00"]),
        (20, ["12:00", "18:00", "16 Nov"]),
        (24 * 7, ["17 Nov", "19 Nov", "21 Nov"]),
        (24 * 365, ["Dec 2026", "Mar 2027", "Jun 2027", "Aug 2027"]),
    ],
)
def test_times_have_round_ticks(hours, labels):
    begin = samples.words.epoch("2026-11-15T09:00:00Z")
    assert [label for _, label in svg.time_ticks(begin, begin + hours * 3600)] == labels


@pytest.mark.parametrize("count", [1, 2, 60, 61, 200])
def test_plots_stay_inside_their_axes(count):
    read = Reader(page.page(document(snapshots=snapshots(count))))
    for line in read.named("polyline"):
        points = [tuple(map(float, point.split(","))) for point in line["points"].split()]
        assert all(math.isfinite(x) and math.isfinite(y) for x, y in points)
        assert all(svg.LEFT <= x <= svg.WIDTH - svg.RIGHT for x, _ in points)
        assert all(svg.TOP <= y <= svg.HEIGHT - svg.BOTTOM for _, y in points)
        assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert len([one for one in read.named("circle") if one.get("class") == "dot"]) == count


def test_the_newest_snapshot_ages_until_the_next_one_is_complete():
    first = {"begun": "2026-11-25T00:00:00Z", "ended": "2026-11-25T00:00:10Z"}
    second = {"begun": "2026-11-25T06:00:00Z", "ended": "2026-11-25T06:00:20Z"}
    begin = samples.words.epoch(first["begun"])
    found = [(when - begin, age) for when, age in page.ages_over_time([first, second], begin + 30000)]
    assert found == [(10, 10), (21620, 21620), (21620, 20), (30000, 8400)]
