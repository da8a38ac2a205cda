# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster as one HTML page that needs nothing besides itself. Pure."""

from __future__ import annotations

import typing as t

from . import overview, picture, words
from .findings import CERTIFICATE_DAYS, SNAPSHOT_SECONDS
from .markup import Safe, joined, tag
from .page_style import STYLE
from .svg import Point, icon, plot

Part = t.Mapping[str, t.Any]

SHOWN = 10  # in the table
MOST_TEETH = 60  # of the saw; where there are more, only their points are drawn
LEVEL_OF_CLUSTER = {"live": "ok", "fresh": "notice", "partial": "notice"}
# The page loads nothing, and a browser that sees this sees to it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(document: Part) -> str:
    """HTML of what document.document() returns."""
    name = document["cluster"]["name"]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href="data:,"),
        tag("title", f"Vault cluster {name}: {document['cluster']['state']}"),
        tag("style", Safe(STYLE)),
    )
    main = tag(
        "main",
        _header(document),
        _tiles(document),
        _section("What to look at", _findings(document["findings"])),
        _section("The cluster", picture.draw(document, wide=True), picture.draw(document, wide=False)),
        _section("Nodes", _nodes(document["nodes"])),
        _section("Snapshots", _snapshots(document)),
        tag("div", _key(document["key"]), _autopilot(document), _drill(document["drill"]), class_="cards"),
        tag(
            "footer",
            f"Read on {words.time(document['written_at'])} by playbooks/status.yml. status.json beside it has all of it.",
        ),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', main), lang='en')}\n"


def _header(document: Part) -> Safe:
    cluster = document["cluster"]
    level = LEVEL_OF_CLUSTER.get(cluster["state"], "problem")
    state = tag("span", icon(level), cluster["state"], class_=f"state {level}")
    versions = f"Vault {', '.join(cluster['versions'])}" if cluster["versions"] else "version unknown"
    about = f"Vault cluster in {cluster['region']} · {versions} · as of {words.time(document['written_at'])}"
    return tag("header", tag("div", tag("h1", cluster["name"]), state, class_="title"), tag("p", about, class_="soft"))


def _tiles(document: Part) -> Safe:
    raft, key, snapshots, drill = (document[part] for part in ("raft", "key", "snapshots", "drill"))
    nodes, last, drilled = document["nodes"], snapshots["last"], drill["last"]
    serving = sum(node["state"] in ("active", "standby") for node in nodes)
    days = [node["certificate"]["days_left"] for node in nodes if node["certificate"]["days_left"] is not None]
    tiles = [("Nodes that serve", _level(serving == len(nodes)), f"{serving} of {len(nodes)}")]
    tolerated = raft["failure_tolerance"]
    tiles.append(("Spare voters", _level(tolerated), "unknown" if tolerated is None else str(tolerated)))
    key_state = None if key["problem"] else key["enabled"]
    tiles.append(("Unseal key", _level(key_state), "unknown" if key["problem"] else key["key_state"]))
    soonest = min(days) if days else None
    lasting = None if soonest is None else soonest >= CERTIFICATE_DAYS
    level = "problem" if soonest is not None and soonest < 0 else _level(lasting, "notice")
    tiles.append(("Certificates last", level, _lasting(soonest)))
    fresh = None if snapshots["problem"] else last is not None and last["age_seconds"] <= SNAPSHOT_SECONDS
    said = words.ago(last["age_seconds"], 1) if last else "unknown" if snapshots["problem"] else "none"
    tiles.append(("Last snapshot", _level(fresh), said))
    passed = None if drilled is None else drilled["result"] == "passed"
    result = f"{drilled['result'] or 'no result'} {words.ago(drilled['age_seconds'], 1)}" if drilled else "unknown"
    tiles.append(("Last restore drill", _level(passed), result))
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", icon(level), said)) for name, level, said in tiles),
        class_="tiles",
    )


def _lasting(days: int | None) -> str:
    return "unknown" if days is None else words.many(days, "day") if days >= 0 else "one has expired"


def _level(good: t.Any, otherwise: str = "problem") -> str:
    return "unknown" if good is None else "ok" if good else otherwise


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
                _cell("State", icon(level), f" {picture.WORDS_OF_STATE.get(node['state'], node['state'])}"),
                _cell("Vault", node["version"] or "unknown"),
                _cell("Seal", seal or "unknown", tag("small", node["seal_type"] or "")),
                _cell("Raft", picture.voice(node) or "unknown", tag("small", _peer(peer)) if peer else ""),
                _cell("Index", str(peer["last_index"] if peer else node["raft_index"] or "unknown"), class_="number"),
                _cell("Certificate", *_certificate(node["certificate"])),
            )
        )
        if node["error"]:
            rows.append(tag("tr", tag("td", node["error"], colspan=7), class_="why"))
    return _table(("Node", "State", "Vault", "Seal", "Raft", "#Index", "Certificate"), rows)


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
            _cell("Age", words.duration(one["age_seconds"])),
            _cell("Size", words.size(one["encrypted_bytes"]), class_="number"),
            _cell("Taken on", one["node_name"]),
            _cell("Index", str(one["raft_index"]), class_="number"),
        )
        for one in reversed(listed[-SHOWN:])
    ]
    older = len(listed) - len(rows) + (snapshots["left_out"] or 0)
    parts = [
        _plots(listed, words.epoch(document["written_at"])),
        _table(("Begun", "Age", "#Size", "Taken on", "#Index"), rows),
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
    seconds, name = (3600.0, "hours") if oldest <= 72 * 3600 else (86400.0, "days")
    limit = (SNAPSHOT_SECONDS / seconds, f"{SNAPSHOT_SECONDS // 3600} hours")
    aged = [(when, age / seconds) for when, age in ages]
    return tag(
        "div",
        _figure("Size of each snapshot", span, plot("Size of the snapshots over time", unit, sizes, dots)),
        _figure(
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


def _figure(title: str, caption: str, drawn: Safe) -> Safe:
    return tag("figure", tag("h3", title), drawn, tag("figcaption", f"{caption}."))


def _key(key: Part) -> Safe:
    if key["problem"]:
        return _section("Unseal key", _facts([("Alias", key["alias"]), ("State", f"unknown: {key['problem']}")]))
    facts = [
        ("Alias", key["alias"]),
        ("State", key["key_state"]),
        ("Rotation", overview.rotation(key)),
        ("ARN", key["arn"]),
    ]
    return _section("Unseal key", _facts([*facts, ("Deleted on", (key["deletion_date"] or "")[:10])]))


def _autopilot(document: Part) -> Safe:
    raft, settings = document["raft"], document["autopilot"]["settings"]
    if settings is None:
        return _section("Autopilot", _facts([("State", f"unknown: {document['autopilot']['problem']}")]))
    facts = [("State", "healthy" if raft["healthy"] else "not healthy")]
    facts += [(name.replace("_", " ").capitalize(), _plain(value)) for name, value in sorted(settings.items())]
    return _section("Autopilot", _facts(facts))


def _plain(value: t.Any) -> str:
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _drill(drill: Part) -> Safe:
    last = drill["last"]
    if last is None:
        return _section("Restore drill", _facts([("Last", f"unknown: {drill['problem']}")]))
    facts = [
        ("Result", last["result"] or "none"),
        ("Ended", f"{words.time(last['ended'])}, {words.ago(last['age_seconds'])}"),
    ]
    for name, title in (("rpo_seconds", "Lost at most"), ("rto_seconds", "Restored within")):
        facts.append((title, "unknown" if last[name] is None else words.duration(last[name])))
    return _section(
        "Restore drill", _facts([*facts, ("Snapshot", last["snapshot"] or ""), ("Problem", last["problem"] or "")])
    )


def _facts(facts: t.Iterable[tuple[str, str]]) -> Safe:
    return tag("dl", *(joined((tag("dt", name), tag("dd", value))) for name, value in facts if value), class_="facts")


def _section(title: str, *children: str) -> Safe:
    return tag("section", tag("h2", title), *children)


def _cell(label: str, *children: str, class_: str | None = None) -> Safe:
    return tag("td", tag("span", *children), data_label=label, class_=class_)


def _table(titles: t.Sequence[str], rows: t.Sequence[Safe]) -> Safe:
    """A title that begins with # is of a column of numbers."""
    heads = (
        tag("th", title.lstrip("#"), scope="col", class_="number" if title[0] == "#" else None) for title in titles
    )
    return tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows))
