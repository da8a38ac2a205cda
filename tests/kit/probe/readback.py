"""Read everything back, when the run is over."""

from __future__ import annotations

import json
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .link import Link, NoAnswer
from .report import Key, ReadBack
from .safety import ProbeError

READERS = 12
STANDBY_KEYS_AT_MOST = 6000
SETTLE_SECONDS = 60
READ_SECONDS = 300  # all together
ANSWER_SECONDS = 30  # a single one
PAUSE_SECONDS = 0.2

Connect = t.Callable[[str], Link]


def read_back(run: str, keys: list[Key], nodes: t.Iterable[str], connect: Connect) -> ReadBack:
    """All from the active node; through the standbys, which take turns and only ask it, no more than is quick."""
    begun = time.monotonic()
    active, standbys = settled([connect(name) for name in nodes])
    from_active = read_all(run, keys, [active], connect)
    some = spread(keys, STANDBY_KEYS_AT_MOST) if standbys else []
    through_standbys = read_all(run, some, standbys, connect)
    return ReadBack(active, standbys, time.monotonic() - begun, from_active, through_standbys)


def spread(keys: list[Key], at_most: int) -> list[Key]:
    """So many of them, evenly; the last is always among them."""
    count = min(len(keys), at_most)
    return [keys[(number + 1) * len(keys) // count - 1] for number in range(count)]


def settled(links: list[Link]) -> tuple[str, list[str]]:
    """The active node, and the standbys that know of one; waits until there is just one active node."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        leaders = {link.name: leader_as_seen_by(link) for link in links}
        active = [name for name, leader in leaders.items() if leader.get("is_self")]
        if len(active) == 1:
            break
        if time.monotonic() > deadline:
            raise ProbeError(f"nothing was read back: {len(active)} active nodes, {SETTLE_SECONDS} s after the run")
        time.sleep(PAUSE_SECONDS)
    for link in links:
        link.close()
    return active[0], [name for name, leader in leaders.items() if leader.get("leader_address") and name != active[0]]


def leader_as_seen_by(link: Link) -> dict[str, t.Any]:
    """Empty where a node does not answer, or is sealed."""
    try:
        status, body = link.send("GET", "/v1/sys/leader")
    except NoAnswer:
        return {}
    return json.loads(body) if status == 200 else {}


def read_all(run: str, keys: list[Key], names: list[str], connect: Connect) -> dict[Key, str | None]:
    if not keys:
        return {}
    deadline = time.monotonic() + READ_SECONDS

    def share(reader: int) -> dict[Key, str | None]:
        name = names[reader % len(names)]
        link = connect(name)
        try:
            return {key: read(link, run, key, deadline) for key in keys[reader::READERS]}
        finally:
            link.close()

    with ThreadPoolExecutor(READERS) as pool:
        shares = list(pool.map(share, range(READERS)))
    return {key: value for part in shares for key, value in part.items()}


def read(link: Link, run: str, key: Key, deadline: float) -> str | None:
    """The value; None: Vault says that there is none. Anything else is no answer to the question, and asked again."""
    deadline = min(deadline, time.monotonic() + ANSWER_SECONDS)
    while True:
        try:
            status, body = link.send("GET", f"/v1/probe/{run}/{key[0]}/{key[1]}")
            if status == 200:
                return str(json.loads(body)["data"].get("value"))
            if status == 404 and json.loads(body) == {"errors": []}:
                return None
            reason = f"HTTP {status}"
        except NoAnswer as error:
            reason = str(error)
        if time.monotonic() > deadline:
            raise ProbeError(f"not everything could be read back: {link.name}: {reason}")
        time.sleep(PAUSE_SECONDS)
