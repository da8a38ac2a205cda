# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster as one HTML page that needs nothing besides itself. Pure."""

from __future__ import annotations

import typing as t

from .._common import words
from . import overview, picture
from .drill_page import TIMES, duration
from .findings import CERTIFICATE_DAYS, SNAPSHOT_SECONDS
from .markup import Safe, joined, tag
from .parts import cell, facts, figure, header, level_of, section, table, tiles, whole
from .svg import Point, icon, plot

Part = t.Mapping[str, t.Any]

SHOWN = 10  # in the table
MOST_TEETH = 60  # of the saw; where there are more, only their points are drawn
LEVEL_OF_CLUSTER = {"live": "ok", "fresh": "notice", "partial": "notice"}


def page(document: Part) -> str:
    """HTML of what document.document() returns."""
    return whole(
        f"Vault cluster {document['cluster']['name']}: {document['cluster']['state']}",
        _header(document),
        _tiles(document),
        section("What to look at", _findings(document["findings"])),
        section("The cluster", picture.draw(document, wide=True), picture.draw(document, wide=False)),
        section("Nodes", _nodes(document["nodes"])),
        section("Snapshots", _snapshots(document)),
        tag("div", _key(document["key"]), _autopilot(document), _drill(document["drill"]), class_="cards"),
        tag(
            "footer",
            f"Read on {words.time(document['written_at'])} by playbooks/status.yml. status.json beside it has all of it.",
        ),
    )


def _header(document: Part) -> Safe:
    cluster = document["cluster"]
    level = LEVEL_OF_CLUSTER.get(cluster["state"], "problem")
    versions = f"Vault {', '.join(cluster['versions'])}" if cluster["versions"] else "version unknown"
    about = f"Vault cluster in {cluster['region']} · {versions} · as of {words.time(document['written_at'])}"
    return header(cluster["name"], level, cluster["state"], about)


def _tiles(document: Part) -> Safe:
    raft, key, snapshots, drill = (document[part] for part in ("raft", "key", "snapshots", "drill"))
    nodes, last, drilled = document["nodes"], snapshots["last"], drill["last"]
    serving = sum(node["state"] in ("active", "standby") for node in nodes)
    days = [node["certificate"]["days_left"] for node in nodes if node["certificate"]["days_left"] is not None]
    shown = [("Nodes that serve", level_of(serving == len(nodes)), f"{serving} of {len(nodes)}")]
    tolerated = raft["failure_tolerance"]
    shown.append(("Spare voters", level_of(tolerated), "unknown" if tolerated is None else str(tolerated)))
    key_state = None if key["problem"] else key["enabled"]
    shown.append(("Unseal key", level_of(key_state), "unknown" if key["problem"] else key["key_state"]))
    soonest = min(days) if days else None
    lasting = None if soonest is None else soonest >= CERTIFICATE_DAYS
    level = "problem" if soonest is not None and soonest < 0 else level_of(lasting, "notice")
    shown.append(("Certificates last", level, _lasting(soonest)))
    fresh = None if snapshots["problem"] else last is not None and last["age_seconds"] <= SNAPSHOT_SECONDS
    said = words.ago(last["age_seconds"], 1) if last else "unknown" if snapshots["problem"] else "none"
    shown.append(("Last snapshot", level_of(fresh), said))
    passed = None if drilled is None else drilled["result"] == "passed"
    result = f"{drilled['result'] or 'no result'} {words.ago(drilled['age_seconds'], 1)}" if drilled else "unknown"
    shown.append(("Last restore drill", level_of(passed), result))
    return tiles(shown)


def _lasting(days: int | None) -> str:
    return "unknown" if days is None else words.many(days, "day") if days >= 0 else "one has expired"


def _findings(findings: t.Sequence[Part]) -> Safe:
    if not findings:
        return tag("p", icon("ok"), " Nothing: all is as it should be.", class_="all-well")
    rows = (
        tag(
            "li", icon(one["level"]), tag("b", one["level"].capitalize(), class_=one["level"]), tag("span", one["text"])
        )
        for one in findings
    )
    return tag("ul", *rows, class_="findings")


def _nodes(nodes: t.Sequence[Part]) -> Safe:
    rows = []
    for node in nodes:
        level, peer = picture.level_of(node), node["peer"]
        seal = None if node["sealed"] is None else "sealed" if node["sealed"] else "unsealed"
        rows.append(
            tag(
                "tr",
                tag("th", node["name"], tag("small", node["url"]), scope="row"),
                cell("State", icon(level), f" {picture.WORDS_OF_STATE.get(node['state'], node['state'])}"),
                cell("Vault", node["version"] or "unknown"),
                cell("Seal", seal or "unknown", tag("small", node["seal_type"] or "")),
                cell("Raft", picture.voice(node) or "unknown", tag("small", _peer(peer)) if peer else ""),
                cell("Index", str(peer["last_index"] if peer else node["raft_index"] or "unknown"), class_="number"),
                cell("Certificate", *_certificate(node["certificate"])),
            )
        )
        if node["error"]:
            rows.append(tag("tr", tag("td", node["error"], colspan=7), class_="why"))
    return table(("Node", "State", "Vault", "Seal", "Raft", "#Index", "Certificate"), rows)


def _peer(peer: Part) -> str:
    words_of = [peer["node_id"], "leader" if peer["leader"] else "", "healthy" if peer["healthy"] else "not healthy"]
    return ", ".join(word for word in words_of if word)


def _certificate(served: Part) -> list[str]:
    if served["not_after"] is None:
        return ["unknown"]
    left = served["days_left"]
    said = f"{words.many(left, 'day')} left" if left >= 0 else f"expired {words.many(-left, 'day')} ago"
    return [
        said,
        tag("small", f"until {served['not_after'][:10]}"),
        tag("small", served["problem"] or "", class_="problem"),
    ]


def _snapshots(document: Part) -> Safe:
    snapshots = document["snapshots"]
    listed = snapshots["listed"]
    if snapshots["problem"]:
        return tag("p", words.sentence(f"Unknown: {snapshots['problem']}"), class_="soft")
    if not listed:
        return tag("p", f"There is none in {snapshots['bucket']}.", class_="soft")
    rows = [
        tag(
            "tr",
            tag("th", words.time(one["begun"]), tag("small", one["name"]), scope="row"),
            cell("Age", words.duration(one["age_seconds"])),
            cell("Size", words.size(one["encrypted_bytes"]), class_="number"),
            cell("Taken on", one["node_name"]),
            cell("Index", str(one["raft_index"]), class_="number"),
        )
        for one in reversed(listed[-SHOWN:])
    ]
    older = len(listed) - len(rows) + (snapshots["left_out"] or 0)
    parts = [
        _plots(listed, words.epoch(document["written_at"])),
        table(("Begun", "Age", "#Size", "Taken on", "#Index"), rows),
    ]
    where = f"In s3://{snapshots['bucket']}/{snapshots['prefix']}"
    parts.append(tag("p", f"{where}, and {words.many(older, 'older one')}." if older else f"{where}.", class_="soft"))
    return joined(parts)


def _plots(listed: t.Sequence[Part], now: float) -> Safe:
    divisor, unit = words.unit_of(max(one["encrypted_bytes"] for one in listed))
    sizes = [(words.epoch(one["begun"]), one["encrypted_bytes"] / divisor) for one in listed]
    dots = [
        (when, value, f"{words.time(one['begun'])}: {words.size(one['encrypted_bytes'])}, {one['node_name']}")
        for (when, value), one in zip(sizes, listed, strict=True)
    ]
    span = f"{words.many(len(listed), 'snapshot')}, one dot each"
    ages = ages_over_time(listed, now)
    if len(listed) > MOST_TEETH:
        ages = ages[1::2]
    oldest = max(age for _, age in ages)
    seconds, name = words.time_unit(max(oldest, SNAPSHOT_SECONDS))
    limit = (SNAPSHOT_SECONDS / seconds, f"{SNAPSHOT_SECONDS // 3600} hours")
    aged = [(when, age / seconds) for when, age in ages]
    return tag(
        "div",
        figure("Size of each snapshot", span, plot("Size of the snapshots over time", unit, sizes, dots)),
        figure(
            "Age of the newest snapshot",
            f"What a loss of all nodes would have cost; at most {words.duration(oldest)}",
            plot("Age of the newest snapshot over time", name, aged, limit=limit),
        ),
        class_="plots",
    )


def ages_over_time(listed: t.Sequence[Part], now: float) -> list[Point]:
    """A saw: each snapshot ages from the moment that it was begun, and counts from when it was complete."""
    points: list[Point] = []
    for one, after in zip(listed, [*listed[1:], None], strict=True):
        begun, ended = words.epoch(one["begun"]), words.epoch(one["ended"])
        until = max(words.epoch(after["ended"]) if after else now, ended)
        points += [(ended, ended - begun), (until, until - begun)]
    return points


def _key(key: Part) -> Safe:
    if key["problem"]:
        return section("Unseal key", facts([("Alias", key["alias"]), ("State", f"unknown: {key['problem']}")]))
    known = [
        ("Alias", key["alias"]),
        ("State", key["key_state"]),
        ("Rotation", overview.rotation(key)),
        ("ARN", key["arn"]),
    ]
    return section("Unseal key", facts([*known, ("Deleted on", (key["deletion_date"] or "")[:10])]))


def _autopilot(document: Part) -> Safe:
    raft, settings = document["raft"], document["autopilot"]["settings"]
    if settings is None:
        return section("Autopilot", facts([("State", f"unknown: {document['autopilot']['problem']}")]))
    known = [("State", "healthy" if raft["healthy"] else "not healthy")]
    known += [(name.replace("_", " ").capitalize(), _plain(value)) for name, value in sorted(settings.items())]
    return section("Autopilot", facts(known))


def _plain(value: t.Any) -> str:
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _drill(drill: Part) -> Safe:
    last = drill["last"]
    if last is None:
        return section("Restore drill", facts([("Last", f"unknown: {drill['problem']}")]))
    known = [
        ("Result", last["result"] or "none"),
        ("Ended", f"{words.time(last['ended'])}, {words.ago(last['age_seconds'])}"),
    ]
    known += [(title, duration(last[field])) for field, title in TIMES.items()]
    return section(
        "Restore drill", facts([*known, ("Snapshot", last["snapshot"] or ""), ("Problem", last["problem"] or "")])
    )
