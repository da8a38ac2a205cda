# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the page of the cluster shows besides what is in the document: figures, levels, drawings. Pure."""

from __future__ import annotations

import typing as t

from .._common import product, words
from . import drill_page, levels, picture, plot
from .levels import Part, Tile

SHOWN = 10  # in the table
MOST_TEETH = 60  # of the saw; where there are more, only their points are drawn


class View(t.TypedDict):
    level: str  # of the whole cluster
    server: str  # Vault or OpenBao
    tiles: list[Tile]
    pictures: list[picture.Picture]
    figures: list[plot.Figure]
    newest: list[Part]  # snapshots, the newest first
    older: int  # how many there are besides
    settings: list[tuple[str, str]]  # of autopilot
    times: dict[str, str]  # what a drill measures, and how that is called


def view(document: Part) -> View:
    """*document*: what document.document() returns."""
    snapshots = document["snapshots"]
    newest = list(reversed(snapshots["listed"][-SHOWN:]))
    return {
        "level": levels.of_cluster(document["cluster"]),
        "server": product.named(document["cluster"]["flavour"]),
        "tiles": _tiles(document),
        "pictures": [picture.draw(document, wide) for wide in (True, False)],
        "figures": _figures(document) if newest else [],
        "newest": newest,
        "older": len(snapshots["listed"]) - len(newest) + (snapshots["left_out"] or 0),
        "settings": _settings(document["autopilot"]["settings"] or {}),
        "times": drill_page.TIMES,
    }


def _tiles(document: Part) -> list[Tile]:
    """None is unknown."""
    nodes, key, spare = document["nodes"], document["key"], document["raft"]["failure_tolerance"]
    serving = sum(node["state"] in ("active", "standby") for node in nodes)
    return [
        Tile("Nodes that serve", levels.level(serving == len(nodes)), f"{serving} of {len(nodes)}"),
        Tile("Spare voters", levels.level(spare), spare),
        Tile("Unseal key", levels.of_key(key), key["key_state"]),
        Tile("Certificates last", *_certificates(document)),
        Tile("Last snapshot", levels.of_snapshots(document), _snapshot(document["snapshots"])),
        Tile("Last restore drill", *_drill(document["drill"]["last"])),
    ]


def _certificates(document: Part) -> tuple[str, str | None]:
    """Of the one that expires first."""
    known = [node["certificate"]["days_left"] for node in document["nodes"]]
    days = min((left for left in known if left is not None), default=None)
    if days is None:
        return "unknown", None
    if days < 0:
        return "problem", "one has expired"
    return levels.level(days >= document["limits"]["certificate_days"], "notice"), words.many(days, "day")


def _snapshot(snapshots: Part) -> str | None:
    if snapshots["last"]:
        return words.ago(snapshots["last"]["age_seconds"], 1)
    return None if snapshots["problem"] else "none"


def _drill(last: Part | None) -> tuple[str, str | None]:
    if last is None:
        return "unknown", None
    said = f"{last['result'] or 'no result'} {words.ago(last['age_seconds'], 1)}"
    return levels.level(last["result"] == "passed"), said


def _figures(document: Part) -> list[plot.Figure]:
    listed, limit = document["snapshots"]["listed"], document["limits"]["snapshot_seconds"]
    return [_sizes(listed), _ages(listed, words.epoch(document["written_at"]), limit)]


def _sizes(listed: t.Sequence[Part]) -> plot.Figure:
    divisor, unit = words.unit_of(max(one["encrypted_bytes"] for one in listed))
    curve = [(words.epoch(one["started_at"]), one["encrypted_bytes"] / divisor) for one in listed]
    said = [
        f"{words.time(one['started_at'])}: {words.size(one['encrypted_bytes'])}, {one['node_name']}" for one in listed
    ]
    drawn = plot.draw("Size of the snapshots over time", unit, curve, said)
    return plot.Figure("Size of each snapshot", f"{words.many(len(listed), 'snapshot')}, one dot each", drawn)


def _ages(listed: t.Sequence[Part], now: float, limit: float) -> plot.Figure:
    ages = ages_over_time(listed, now)
    if len(listed) > MOST_TEETH:
        ages = ages[1::2]
    oldest = max(age for _when, age in ages)
    divisor, unit = words.time_unit(max(oldest, limit))
    curve = [(when, age / divisor) for when, age in ages]
    most = (limit / divisor, words.duration(limit))
    return plot.Figure(
        "Age of the newest snapshot",
        f"What a loss of all nodes would have cost; at most {words.duration(oldest)}",
        plot.draw("Age of the newest snapshot over time", unit, curve, limit=most),
    )


def ages_over_time(listed: t.Sequence[Part], now: float) -> list[plot.Point]:
    """A saw: each snapshot ages from the moment that it was begun, and counts from when it was complete."""
    points: list[plot.Point] = []
    for one, after in zip(listed, [*listed[1:], None], strict=True):
        started_at, finished_at = words.epoch(one["started_at"]), words.epoch(one["finished_at"])
        until = max(words.epoch(after["finished_at"]) if after else now, finished_at)
        points += [(finished_at, finished_at - started_at), (until, until - started_at)]
    return points


def _settings(settings: Part) -> list[tuple[str, str]]:
    return [(name.replace("_", " ").capitalize(), _plain(value)) for name, value in sorted(settings.items())]


def _plain(value: t.Any) -> str:
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"
