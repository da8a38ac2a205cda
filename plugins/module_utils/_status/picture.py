# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster as a drawing: its key on one side, its nodes in the middle, its snapshots on the other. Pure."""

from __future__ import annotations

import typing as t

from .._common import product, words
from . import levels
from .levels import Part

NODE_WIDTH, NODE_HEIGHT, NODE_GAP = 300, 58, 14
FRAME_PAD, FRAME_HEAD = 16, 40
FRAME_WIDTH = NODE_WIDTH + 2 * FRAME_PAD
SIDE_WIDTH, SIDE_HEIGHT = 230, 92
EDGE = 1  # so that no line is cut in half where the drawing ends
ARROW = 44  # between what is drawn one below the other

Corner = tuple[float, float]
Way = tuple[float, float, float, float]
Layout = tuple[Corner, float, tuple[Corner, Corner, Corner], tuple[Way, Way]]


class Box(t.NamedTuple):
    """The key, or the bucket."""

    x: float
    y: float
    width: float
    height: float
    title: str
    level: str
    name: str
    said: str


class Node(t.NamedTuple):
    x: float
    y: float
    width: float
    height: float
    level: str
    leads: bool
    name: str
    said: str
    above: str | None  # the level of the line to the node above
    gap: float = NODE_GAP


class Frame(t.NamedTuple):
    """Raft, around the nodes."""

    x: float
    y: float
    width: float
    height: float
    said: str
    nodes: list[Node]


class Arrow(t.NamedTuple):
    x1: float
    y1: float
    x2: float
    y2: float
    label: str
    level: str


class Picture(t.NamedTuple):
    kind: str  # wide, narrow
    width: float
    height: float
    label: str
    arrows: list[Arrow]
    key: Box
    frame: Frame
    bucket: Box


def voice(node: Part) -> str | None:
    """voter or non-voter, where that is known."""
    return None if node["peer"] is None else "voter" if node["peer"]["voter"] else "non-voter"


def draw(document: Part, wide: bool) -> Picture:
    """Side by side, or one below the other for a narrow window."""
    unknown_peers = [
        {"name": peer["node_id"], "state": "unknown_peer", "peer": peer, "version": None}
        for peer in document["raft"]["unknown_peers"]
    ]
    nodes = [*document["nodes"], *unknown_peers]
    frame_height = FRAME_HEAD + len(nodes) * (NODE_HEIGHT + NODE_GAP) - NODE_GAP + FRAME_PAD
    layout = _wide if wide else _narrow
    (width, height), side, (key_at, frame_at, bucket_at), (unseals, stores) = layout(frame_height)
    drawn = _nodes(nodes, *frame_at, product.named(document["cluster"]["flavour"]))
    key, snapshots = document["key"], document["snapshots"]
    key_box = Box(*key_at, side, SIDE_HEIGHT, "KMS key", levels.of_key(key), key["alias"], _key(key))
    level, name = levels.of_snapshots(document), snapshots["bucket"] or "none is set"
    bucket_box = Box(*bucket_at, side, SIDE_HEIGHT, "S3 bucket", level, name, _bucket(snapshots))
    return Picture(
        kind="wide" if wide else "narrow",
        width=width,
        height=height,
        label=f"The cluster: {', '.join(node['name'] for node in nodes)}, their KMS key and their S3 bucket",
        arrows=[Arrow(*unseals, "unseals", key_box.level), Arrow(*stores, "snapshots", level)],
        key=key_box,
        frame=Frame(*frame_at, FRAME_WIDTH, frame_height, _peers(document["raft"]), drawn),
        bucket=bucket_box,
    )


def _wide(frame_height: float) -> Layout:
    """Size of the whole, width of a side, corners of key, frame and bucket, and the arrows between them."""
    width, height = 920.0, max(frame_height, SIDE_HEIGHT + 40) + 2 * EDGE
    middle, frame, bucket = height / 2, (width - FRAME_WIDTH) / 2, width - SIDE_WIDTH - EDGE
    top = middle - SIDE_HEIGHT / 2
    arrows = (EDGE + SIDE_WIDTH, middle, frame, middle), (frame + FRAME_WIDTH, middle, bucket, middle)
    return (width, height), SIDE_WIDTH, ((EDGE, top), (frame, EDGE), (bucket, top)), arrows


def _narrow(frame_height: float) -> Layout:
    middle, frame = EDGE + FRAME_WIDTH / 2, EDGE + SIDE_HEIGHT + ARROW
    bottom = frame + frame_height
    bucket = bottom + ARROW
    size = (FRAME_WIDTH + 2 * EDGE, bucket + SIDE_HEIGHT + EDGE)
    arrows = (middle, EDGE + SIDE_HEIGHT, middle, frame), (middle, bottom, middle, bucket)
    return size, FRAME_WIDTH, ((EDGE, EDGE), (EDGE, frame), (EDGE, bucket)), arrows


def _key(key: Part) -> str:
    return "can't be read" if key["problem"] else str(key["key_state"])


def _bucket(snapshots: Part) -> str:
    if snapshots["bucket"] is None:
        return "no snapshots off the nodes"
    if snapshots["problem"]:
        return "can't be read"
    last = snapshots["last"]
    return f"last one {words.ago(last['age_seconds'], 1)}" if last else "no snapshot"


def _peers(raft: Part) -> str:
    if raft["problem"]:
        return "peers unknown"
    return f"{words.many(len(raft['voters']), 'voter')}, {raft['failure_tolerance']} may fail"


def _nodes(nodes: t.Sequence[Part], x: float, y: float, server: str) -> list[Node]:
    """*x*, *y*: the corner of the frame around them; *server*: what they run, in words."""
    drawn: list[Node] = []
    for number, node in enumerate(nodes):
        level = levels.of_node(node)
        top = y + FRAME_HEAD + number * (NODE_HEIGHT + NODE_GAP)
        above = levels.level(level == drawn[-1].level == "ok") if drawn else None
        leads = level != "problem" and _leads(node)
        box = (x + FRAME_PAD, top, NODE_WIDTH, NODE_HEIGHT)
        drawn.append(Node(*box, level, leads, node["name"], _said(node, server), above))
    return drawn


def _leads(node: Part) -> bool:
    return bool(node["peer"]["leader"]) if node["peer"] else node["state"] == "active"


def _said(node: Part, server: str) -> str:
    version = f"{server} {node['version']}" if node["version"] else None
    return " · ".join(word for word in (levels.words_of(node), voice(node), version) if word)
