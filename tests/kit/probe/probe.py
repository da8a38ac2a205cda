"""Several clients that write while a cluster is changed, and the reading back afterwards."""

from __future__ import annotations

import secrets
import time
from collections import Counter

from .link import Link
from .readback import read_back
from .report import Report, Run
from .safety import ProbeError, require_lab
from .writer import Orders, Writer

CLIENTS_AT_MOST = 16
SECONDS_AT_MOST = 3000  # the token lives an hour, and the reading back needs it too
WRITES_AT_MOST = 320_000
FIRST_ACK_SECONDS = 10
FINISH_SECONDS = 30


class Probe:
    """Writes as long as the block runs."""

    def __init__(
        self,
        nodes: dict[str, str],
        ca_cert: str,
        token: str,
        clients: int = 6,
        pace_seconds: float = 0.06,  # six of them: a hundred writes a second, and the cluster is left some of the processor
        max_seconds: float = 600,
        through: tuple[str, str] | None = None,
    ) -> None:
        """*through*: URL of a load balancer that the clients write by way of, and the name in the nodes' certificates."""
        require_lab([*nodes.values(), *([through[0]] if through else [])])
        require_bounds(clients, pace_seconds, max_seconds)
        self._nodes, self._ca_cert, self._token = dict(nodes), ca_cert, token
        self._through = through
        self._clients, self._pace, self._max_seconds = clients, pace_seconds, max_seconds
        self._name = f"{time.strftime('%H%M%S')}-{secrets.token_hex(3)}"
        self._start = self._end = 0.0
        self._orders: Orders | None = None
        self._writers: list[Writer] = []

    def __enter__(self) -> Probe:
        """Returns when every client has written something: whatever is done next is seen by all of them."""
        self._start = time.monotonic()
        self._orders = Orders(self._name, self._pace, self._start + self._max_seconds)
        self._writers = [Writer(client, self._links_of(client), self._orders) for client in range(self._clients)]
        try:
            self._begin()
        except BaseException:
            self._stop(self._orders, wait=False)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._orders:
            self._stop(self._orders, wait=kind is None)

    @property
    def elapsed(self) -> float:
        """Seconds since the start, as the report counts them."""
        return time.monotonic() - self._start

    def report(self) -> Report:
        """Reads everything back."""
        if not self._end:
            raise ProbeError("there is no report before the clients have ended")
        self._look_for_crashes()
        run = self._run()
        keys = [(ack.client, ack.seq) for ack in run.acks]
        return Report(run, read_back(self._name, keys, self._nodes, self._link))

    def _begin(self) -> None:
        for writer in self._writers:
            writer.thread.start()
        deadline = self._start + FIRST_ACK_SECONDS
        if not all(writer.first_ack.wait(max(deadline - time.monotonic(), 0)) for writer in self._writers):
            self._look_for_crashes()
            raise ProbeError(f"not every client could write within {FIRST_ACK_SECONDS} s: {self._reasons()}")

    def _look_for_crashes(self) -> None:
        for writer in self._writers:
            if writer.crash:
                raise ProbeError(f"client {writer.client} ended with an error of its own") from writer.crash

    def _run(self) -> Run:
        return Run(
            name=self._name,
            clients=self._clients,
            start=self._start,
            end=self._end,
            cut_short=any(writer.cut_short for writer in self._writers),
            unanswered=sum(writer.unanswered for writer in self._writers),
            acks=[ack for writer in self._writers for ack in writer.acks],
            failures=[failure for writer in self._writers for failure in writer.failures],
            through=dict(sum((writer.through for writer in self._writers), Counter())),
            reasons=self._reasons(),
        )

    def _reasons(self) -> dict[str, dict[str, int]]:
        reasons: dict[str, dict[str, int]] = {}
        for (node, reason), count in sum((writer.reasons for writer in self._writers), Counter()).items():
            reasons.setdefault(node, {})[reason] = count
        return reasons

    def _stop(self, orders: Orders, wait: bool) -> None:
        orders.finish.set()
        deadline = time.monotonic() + (FINISH_SECONDS if wait else 0)
        threads = [writer.thread for writer in self._writers if writer.thread.is_alive()]
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        orders.drop.set()
        for thread in threads:
            thread.join()
        self._end = time.monotonic()

    def _links_of(self, client: int) -> list[Link]:
        if self._through:
            url, server_name = self._through
            return [Link("balancer", url, self._ca_cert, self._token, server_name)]
        names = list(self._nodes)
        first = client % len(names)
        return [self._link(name) for name in (*names[first:], *names[:first])]

    def _link(self, name: str) -> Link:
        return Link(name, self._nodes[name], self._ca_cert, self._token)


def require_bounds(clients: int, pace_seconds: float, max_seconds: float) -> None:
    """Raises from here and not from where the token is: pytest shows the arguments of the function that raised."""
    if problem := out_of_bounds(clients, pace_seconds, max_seconds):
        raise ProbeError(f"{problem}; nothing was sent")


def out_of_bounds(clients: int, pace_seconds: float, max_seconds: float) -> str | None:
    """Why a probe may not be as big as that."""
    if not 1 <= clients <= CLIENTS_AT_MOST:
        return f"{clients} clients are not 1 to {CLIENTS_AT_MOST}"
    if not 0 < max_seconds <= SECONDS_AT_MOST:
        return f"{max_seconds} s are not more than 0 and at most {SECONDS_AT_MOST}"
    if pace_seconds <= 0 or clients * max_seconds / pace_seconds > WRITES_AT_MOST:
        return f"{clients} clients, {max_seconds} s, a write every {pace_seconds} s: more than {WRITES_AT_MOST} writes"
    return None
