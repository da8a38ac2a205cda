# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster as a drawing: its key on one side, its nodes in the middle, its snapshots on the other. Pure."""

from __future__ import annotations

import typing as t

from .._common import words
from .findings import SNAPSHOT_SECONDS
from .markup import Safe, joined, tag
from .svg import icon_at, text

Part = t.Mapping[str, t.Any]

NODE_WIDTH, NODE_HEIGHT, NODE_GAP = 300, 58, 14
FRAME_PAD, FRAME_HEAD = 16, 40
SIDE_HEIGHT = 92
LEVEL_OF_STATE = {
    "active": "ok",
    "standby": "ok",
    "isolated": "problem",
    "sealed": "problem",
    "unreachable": "problem",
    "removed": "problem",
    "uninitialized": "notice",
    "stranger": "notice",
}
WORDS_OF_STATE = {
    "isolated": "can't reach the active node",
    "unreachable": "does not answer",
    "uninitialized": "not joined",
    "active": "active node",
    "stranger": "not in inventory",
}


def level_of(node: Part) -> str:
    level = LEVEL_OF_STATE.get(node["state"], "unknown")
    peer = node["peer"]
    return "notice" if level == "ok" and peer is not None and not peer["healthy"] else level


def leads(node: Part) -> bool:
    return bool(node["peer"]["leader"]) if node["peer"] else node["state"] == "active"


def voice(node: Part) -> str | None:
    """voter or non-voter, where that is known."""
    return None if node["peer"] is None else "voter" if node["peer"]["voter"] else "non-voter"


def draw(document: Part, wide: bool) -> Safe:
    """Side by side, or one below the other for a narrow window."""
    strangers = [
        {"name": peer["node_id"], "state": "stranger", "peer": peer, "version": None}
        for peer in document["raft"]["strangers"]
    ]
    nodes = [*document["nodes"], *strangers]
    frame_width = NODE_WIDTH + 2 * FRAME_PAD
    frame_height = FRAME_HEAD + len(nodes) * (NODE_HEIGHT + NODE_GAP) - NODE_GAP + FRAME_PAD
    if wide:
        width, height = 920.0, float(max(frame_height, SIDE_HEIGHT + 40) + 2)
        side, frame = 230.0, (920.0 - frame_width) / 2
        middle = height / 2
        key_at, frame_at, bucket_at = (
            (1.0, middle - SIDE_HEIGHT / 2),
            (frame, 1.0),
            (width - side - 1, middle - SIDE_HEIGHT / 2),
        )
        edges = (((1 + side, middle), (frame, middle)), ((frame + frame_width, middle), (width - side - 1, middle)))
    else:
        width, gap = frame_width + 2.0, 44.0
        side, middle = float(frame_width), 1 + frame_width / 2
        bottom = 1 + SIDE_HEIGHT + gap + frame_height
        height = bottom + gap + SIDE_HEIGHT + 1
        key_at, frame_at, bucket_at = (1.0, 1.0), (1.0, 1 + SIDE_HEIGHT + gap), (1.0, bottom + gap)
        edges = (
            ((middle, 1.0 + SIDE_HEIGHT), (middle, 1 + SIDE_HEIGHT + gap)),
            ((middle, bottom), (middle, bottom + gap)),
        )
    key, bucket = _key(document["key"]), _bucket(document["snapshots"])
    drawn = [
        _edge(*edges[0], "unseals", key[0]),
        _edge(*edges[1], "snapshots", bucket[0]),
        _box(*key_at, side, "KMS key", *key),
        _frame(document["raft"], nodes, *frame_at, frame_width, frame_height),
        _box(*bucket_at, side, "S3 bucket", *bucket),
    ]
    return tag(
        "svg",
        joined(drawn),
        class_=f"picture {'wide' if wide else 'narrow'}",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=f"The cluster: {', '.join(node['name'] for node in nodes)}, their KMS key and their S3 bucket",
    )


def _key(key: Part) -> tuple[str, str, str]:
    if key["problem"]:
        return "unknown", key["alias"], "can't be read"
    return "ok" if key["enabled"] else "problem", key["alias"], str(key["key_state"])


def _bucket(snapshots: Part) -> tuple[str, str, str]:
    if snapshots["bucket"] is None:
        return "unknown", "none is set", "no snapshots off the nodes"
    if snapshots["problem"]:
        return "unknown", snapshots["bucket"], "can't be read"
    last = snapshots["last"]
    if last is None:
        return "problem", snapshots["bucket"], "no snapshot"
    level = "ok" if last["age_seconds"] <= SNAPSHOT_SECONDS else "problem"
    return level, snapshots["bucket"], f"last one {words.ago(last['age_seconds'], 1)}"


def _box(x: float, y: float, width: float, title: str, level: str, name: str, said: str) -> Safe:
    most = int((width - 28) / 8.4)
    return tag(
        "g",
        tag("rect", x=x, y=y, width=width, height=SIDE_HEIGHT, rx=10, class_=f"box {level}"),
        text(x + 14, y + 26, title, "small"),
        text(x + 14, y + 49, name, "name side", most),
        icon_at(level, x + 22, y + 70),
        text(x + 36, y + 75, said, "small", int((width - 46) / 6.9)),
    )


def _frame(raft: Part, nodes: t.Sequence[Part], x: float, y: float, width: float, height: float) -> Safe:
    said = "peers unknown"
    if not raft["problem"]:
        said = f"{words.many(len(raft['voters']), 'voter')}, {raft['failure_tolerance']} may fail"
    parts = [
        tag("rect", x=x, y=y, width=width, height=height, rx=12, class_="frame"),
        text(x + FRAME_PAD, y + 26, "Raft", "small"),
        text(x + width - FRAME_PAD, y + 26, said, "small", anchor="end"),
    ]
    for number, node in enumerate(nodes):
        top = y + FRAME_HEAD + number * (NODE_HEIGHT + NODE_GAP)
        if number:
            whole = level_of(node) == level_of(nodes[number - 1]) == "ok"
            at = x + FRAME_PAD + 24
            parts.append(
                tag("line", x1=at, x2=at, y1=top - NODE_GAP, y2=top, class_=f"edge {'ok' if whole else 'problem'}")
            )
        parts.append(_node(node, x + FRAME_PAD, top))
    return tag("g", *parts)


def _node(node: Part, x: float, y: float) -> Safe:
    level, leader = level_of(node), leads(node) and level_of(node) != "problem"
    version = f"Vault {node['version']}" if node["version"] else None
    said = [WORDS_OF_STATE.get(node["state"], node["state"]), voice(node), version]
    parts = [
        tag(
            "rect",
            x=x,
            y=y,
            width=NODE_WIDTH,
            height=NODE_HEIGHT,
            rx=8,
            class_=f"box {level}{' leader' if leader else ''}",
        ),
        icon_at(level, x + 24, y + NODE_HEIGHT / 2, 22),
        text(x + 46, y + 25, node["name"], "name", 20 if leader else 28),
        text(x + 46, y + 44, " · ".join(word for word in said if word), "small", 36),
    ]
    if leader:
        right = x + NODE_WIDTH - 12
        parts.append(tag("rect", x=right - 50, y=y + 10, width=50, height=20, rx=10, class_="badge"))
        parts.append(text(right - 25, y + 24, "leads", "badge-text", anchor="middle"))
    return tag("g", *parts)


def _edge(begin: tuple[float, float], end: tuple[float, float], label: str, level: str) -> Safe:
    """An arrow, across or down, with a word beside it."""
    (x1, y1), (x2, y2) = begin, end
    if y1 == y2:
        head = f"M{x2 - 9:g} {y2 - 5:g} L{x2 - 1:g} {y2:g} L{x2 - 9:g} {y2 + 5:g} Z"
        said = text((x1 + x2) / 2, y1 - 9, label, "edge-label", anchor="middle")
        x2 -= 9
    else:
        head = f"M{x2 - 5:g} {y2 - 9:g} L{x2:g} {y2 - 1:g} L{x2 + 5:g} {y2 - 9:g} Z"
        said = text(x1 + 12, (y1 + y2) / 2 + 4, label, "edge-label")
        y2 -= 9
    line = tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=f"edge {level}")
    return tag("g", line, tag("path", d=head, class_="head"), said)
