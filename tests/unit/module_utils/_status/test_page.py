"""The status page, read as a browser's parser reads it."""

from __future__ import annotations

import copy
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._status import levels, page, plot, render
from kit import status_samples as samples
from kit.pages import EVIL, Reader
from kit.paths import ROOT
from kit.status_samples import certificates, document, node, peer, raft, snapshots, status

# What may fetch something, or run.
FETCHES = {"src", "srcset", "poster", "data", "action", "formaction", "xlink:href", "style"}
ALLOWED_LINKS = {"data:,"}


@pytest.mark.parametrize("make", samples.EVERY.values(), ids=samples.EVERY)
def test_a_page_is_whole_and_needs_nothing_besides_itself(make):
    made = make()
    text = render.status(made)
    read = Reader(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & {
        name for name, _attributes in read.elements
    }
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


def named(evil):
    """A cluster in which everything that somebody may name is named *evil*."""
    nodes = [
        node(1, name=evil, state="active", url=evil, version=evil),
        node(2, state="unreachable", error=evil),
        node(3, state=evil),
    ]
    taken = snapshots(3, node_name="x")
    taken["snapshots"] = [dict(one, name=evil, node_name=evil) for one in taken["snapshots"]]
    taken["broken"] = [{"key": evil, "problem": evil}]
    return document(
        about={"name": evil, "region": evil, "key_alias": evil, "bucket": evil, "prefix": evil},
        status=status(nodes, evil, evil),
        certificates={"certificates": [{**one, "problem": evil} for one in certificates(nodes)["certificates"]]},
        raft={**raft(peer(1, node_id=evil), peer(9, node_id=evil)), "autopilot": {evil: evil}},
        key={"kms_keys": [{**samples.KEY, "key_state": evil, "arn": evil, "deletion_date": evil, "enabled": False}]},
        snapshots=taken,
        drills={
            evil: "{",
            "a": '{"finished_at": "2026-11-01T00:00:00Z", "result": "<script>", "snapshot": "<b>", "problem": "\\""}',
        },
    )


def shape(read):
    """Which elements a page has, each with the names of its attributes."""
    return {(name, *sorted(attributes)) for name, attributes in read.elements}


def classes(read):
    return {one for _name, attributes in read.elements for one in (attributes.get("class") or "").split()}


NAMES = [
    EVIL,
    '" onload="alert(1)',
    "' onload='alert(1)",
    "x onload=alert(1)",
    "</title></style><b>",
    "--> <b>",
    "{{ 7 * 7 }}",
]


@pytest.mark.parametrize("evil", NAMES)
def test_what_somebody_named_is_text_and_nothing_else(evil):
    read = Reader(render.status(named(evil)))
    plain = [Reader(render.status(make())) for make in samples.EVERY.values()]
    assert shape(read) <= set().union(*map(shape, plain))
    assert classes(read) <= set().union(*map(classes, plain))
    # In a cell, in the heading, in the title; in an attribute; in a drawing, and what it says to who points at it.
    assert {evil} <= set(read.said("th")) & set(read.said("h1"))
    assert f"Vault cluster {evil}: {evil}" in read.said("title")
    assert any(evil in one["aria-label"] for one in read.named("svg"))
    assert evil in read.said("text")
    assert any(text.endswith(f", {evil}") for text in read.said("title"))


def test_nothing_that_somebody_named_gets_into_the_stylesheet():
    style = "".join(text for name, text in Reader(render.status(named(EVIL))).texts if name == "style")
    assert style.strip() == (render.TEMPLATES / "page.css").read_text().strip()


@pytest.mark.parametrize("name", ["<" * 40, "&" * 40, "<i>" * 40])
def test_a_name_that_is_cut_is_cut_before_it_is_escaped(name):
    read = Reader(render.status(document(status=status([node(1, name=name, state="active"), node(2), node(3)]))))
    # The node leads, so there is less room.
    assert f"{name[:19]}…" in read.said("text")
    assert name in read.said("title")
    assert "i" not in {element for element, _attributes in read.elements}


@pytest.mark.parametrize("template", sorted(render.TEMPLATES.glob("*.j2")), ids=lambda path: path.name)
def test_a_template_escapes_everything_and_quotes_every_attribute(template):
    text = template.read_text()
    assert not re.search(r"=\s*\{\{|=\s*'[^']*\{\{", text), "an attribute without double quotes"
    assert not re.search(r"\|\s*safe\b|autoescape|Markup|\bstyle=|<style[^>]*\{\{", text)


def without(made, *path):
    found = made
    for name in path[:-1]:
        found = found[name]
    del found[path[-1]]
    return made


@pytest.mark.parametrize(
    "path",
    [
        ("nodes", 1, "url"),
        ("nodes", 1, "seal_type"),
        ("nodes", 1, "certificate", "problem"),
        ("nodes", 1, "peer", "node_id"),
        ("snapshots", "prefix"),
        ("key", "arn"),
        ("drill", "last", "problem"),
        ("written_at",),
    ],
)
def test_a_field_that_is_missing_is_an_error_and_not_a_gap(path):
    with pytest.raises((jinja2.UndefinedError, KeyError)):
        render.status(without(copy.deepcopy(document()), *path))


def test_what_could_not_be_read_is_called_unknown():
    nodes = [node(1, state="active"), node(2, version=None, sealed=None), node(3)]
    taken = snapshots(1, node_name="x")
    taken["snapshots"][0]["node_name"] = None
    read = Reader(render.status(document(status=status(nodes), raft=raft(peer(3, last_index=None)), snapshots=taken)))
    said = read.said("span")
    assert said.count("unknown") == 2 + 2 + 1 + 1, (
        "version and seal, Raft of two nodes, an index, and who took a snapshot"
    )
    assert "None" not in said


def test_the_templates_are_in_what_is_installed(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "plugins", source / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("galaxy.yml", "README.md", "meta"):
        copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copied(ROOT / name, source / name)
    galaxy = [str(Path(sys.executable).with_name("ansible-galaxy")), "collection"]
    subprocess.run([*galaxy, "build", source, "--output-path", tmp_path], check=True, capture_output=True)
    (built,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(built, tmp_path / "ansible_collections" / "vaultops" / "cluster")
    code = "from ansible_collections.vaultops.cluster.plugins.module_utils._status import render\n"
    code += f"print(render.TEMPLATES)\nprint(render.drills('prod', [{samples.DRILL!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, check=True, capture_output=True, text=True
    )
    where, made = done.stdout.split("\n", 1)
    assert where.startswith(str(tmp_path))
    assert made.strip() == render.drills("prod", [samples.DRILL]).strip()


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
    assert any(says in text for text in Reader(render.status(made)).said())


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
    assert levels.of_node(one) == level


def signs(**about):
    """Which sign each tile has, the box of the bucket, and how the limit in the plot is called."""
    read = Reader(render.status(document(about={**samples.ABOUT, **about})))
    inline = [one["aria-label"] for one in read.named("svg") if one["class"] == "inline"][1:7]
    drawn = {one["class"] for one in read.named("rect") if one["width"] == "230"}
    return (
        dict(zip(read.said("dt"), inline, strict=False)),
        drawn,
        [text for text in read.said("text") if "hours" in text],
    )


def test_the_page_draws_what_is_late_by_the_inputs():
    tiles, sides, limit = signs()
    assert set(tiles.values()) == {"good"}
    assert (sides, limit[-1]) == ({"box ok"}, "8 hours")
    tiles, sides, limit = signs(snapshot_every_seconds=2 * 3600, renew_days=88)
    assert {name for name, sign in tiles.items() if sign != "good"} == {"Certificates last", "Last snapshot"}
    assert (sides, limit[-1]) == ({"box ok", "box problem"}, "2 hours 40 minutes")


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
    assert plot.value_ticks(biggest) == ticks


@pytest.mark.parametrize("biggest", [1e-3, 0.3, 1, 3.99, 7, 64, 1023, 5e6])
def test_ticks_reach_beyond_the_biggest_value(biggest):
    ticks = plot.value_ticks(biggest)
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
    assert [label for _when, label in plot.time_ticks(begin, begin + hours * 3600)] == labels


@pytest.mark.parametrize("count", [1, 2, 60, 61, 200])
def test_plots_stay_inside_their_axes(count):
    read = Reader(render.status(document(snapshots=snapshots(count))))
    for line in read.named("polyline"):
        points = [tuple(map(float, point.split(","))) for point in line["points"].split()]
        assert all(math.isfinite(x) and math.isfinite(y) for x, y in points)
        assert all(plot.LEFT <= x <= plot.RIGHT for x, _y in points)
        assert all(plot.TOP <= y <= plot.BOTTOM for _x, y in points)
        assert [x for x, _y in points] == sorted(x for x, _y in points)
    assert len([one for one in read.named("circle") if one.get("class") == "dot"]) == count


def test_the_newest_snapshot_ages_until_the_next_one_is_complete():
    first = {"started_at": "2026-11-25T00:00:00Z", "finished_at": "2026-11-25T00:00:10Z"}
    second = {"started_at": "2026-11-25T06:00:00Z", "finished_at": "2026-11-25T06:00:20Z"}
    begin = samples.words.epoch(first["started_at"])
    found = [(when - begin, age) for when, age in page.ages_over_time([first, second], begin + 30000)]
    assert found == [(10, 10), (21620, 21620), (21620, 20), (30000, 8400)]
