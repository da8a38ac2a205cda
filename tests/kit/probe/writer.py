"""A client of the cluster: it writes, and tries again until it is told that the write is kept."""

from __future__ import annotations

import json
import random
import threading
import time
from array import array
from collections import Counter

from .link import Link, NoAnswer
from .report import Ack, Failure, value_of

BACK_OFF_SECONDS = (0.02, 0.1)  # the first, and the longest
RETURN_SECONDS = 3.0  # so long a client stays away from its own node after a failure there


class Orders:
    """What all writers are told."""

    def __init__(self, run: str, pace: float, deadline: float) -> None:
        self.run = run
        self.pace = pace
        self.deadline = deadline
        self.finish = threading.Event()  # once the write in hand is acknowledged: a gap is seen to its end
        self.drop = threading.Event()  # at once


class Writer:
    """Number *client*; the first link is the node that it prefers."""

    def __init__(self, client: int, links: list[Link], orders: Orders) -> None:
        self.client = client
        self.first_ack = threading.Event()
        self.cut_short = False
        self.unanswered = False
        self.through: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.crash: Exception | None = None
        self.thread = threading.Thread(target=self._run, name=f"probe-{client}", daemon=True)
        self._links = links
        self._orders = orders
        self._at = 0
        self._away_since = 0.0
        # Plain numbers: a run makes up to 200000 writes.
        self._started, self._acked = array("d"), array("d")
        self._began, self._ended, self._where = array("d"), array("d"), array("B")

    def _run(self) -> None:
        try:
            while self._write(len(self._acked)) and not self._orders.finish.wait(self._orders.pace):
                if time.monotonic() > self._orders.deadline:
                    self.cut_short = True
                    break
        except Exception as error:  # it must not look like a quiet cluster
            self.crash = error
        finally:
            for link in self._links:
                link.close()

    @property
    def acks(self) -> list[Ack]:
        return [Ack(self.client, seq, *times) for seq, times in enumerate(zip(self._started, self._acked, strict=True))]

    @property
    def failures(self) -> list[Failure]:
        rows = zip(self._began, self._ended, self._where, strict=True)
        return [Failure(began, ended, self._links[where].name) for began, ended, where in rows]

    def _write(self, seq: int) -> bool:
        """Whether it was acknowledged. Every attempt writes the same, so that it does no harm when two arrive."""
        path = f"/v1/probe/{self._orders.run}/{self.client}/{seq}"
        body = json.dumps({"value": value_of(self._orders.run, self.client, seq)}).encode()
        first, longest = BACK_OFF_SECONDS
        back_off = first
        started = began = time.monotonic()
        self._return(began)
        while reason := self._attempt(path, body):
            ended = time.monotonic()
            self._failed(began, ended, reason)
            self.cut_short = ended > self._orders.deadline
            if self.cut_short or self._orders.drop.wait(back_off * random.uniform(0.5, 1.0)):
                self.unanswered = True
                return False
            back_off = min(back_off * 2, longest)
            began = time.monotonic()
        self._started.append(started)
        self._acked.append(time.monotonic())
        self.through[self._links[self._at].name] += 1
        self.first_ack.set()
        return True

    def _attempt(self, path: str, body: bytes) -> str | None:
        """Why the write is not acknowledged; None: it is."""
        try:
            status, _ = self._links[self._at].send("POST", path, body)
        except NoAnswer as error:
            return str(error)
        return None if 200 <= status < 300 else f"HTTP {status}"

    def _failed(self, began: float, ended: float, reason: str) -> None:
        self._began.append(began)
        self._ended.append(ended)
        self._where.append(self._at)
        self.reasons[self._links[self._at].name, reason] += 1
        if self._at == 0:
            self._away_since = ended
        self._at = (self._at + 1) % len(self._links)

    def _return(self, now: float) -> None:
        """Back to the preferred node after a while, or all clients would end up at the node that was changed first."""
        if self._at and now - self._away_since > RETURN_SECONDS:
            self._at = 0
