# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask every node all the while who leads, and write to the one that does, while the leader is stopped and comes back."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
import typing as t

from ..._common.wait import Wait
from ..client import Cluster, call, data
from ..errors import VaultError
from ..raft import look
from ..raft.state import index_of_leader, own_rejoin_problem, rejoin_problem
from ..status.api import read_nodes
from .state import Outage, Seen, outage

ACTIVE = 200
# How long a node rests between an answer and the next question. What is measured is no finer than that.
PAUSE_SECONDS = 0.02
# A node that is gone without a word is asked anew after this time.
ANSWER_SECONDS = 1
# The leader has to take writes before anything is done to it.
BEGIN_SECONDS = 15.0
BEGIN_ACKS = 5
PATH = "/v1/cubbyhole/vaultops-failover-"


class Watch:
    """A thread for each node. The token, and with it whatever was written, ends with the block."""

    def __init__(self, cluster: Cluster, stopping: str) -> None:
        self.stopping = stopping
        self.seen = {name: Seen() for name in cluster.connection.nodes}
        self._cluster = cluster
        self._quick = Cluster(dataclasses.replace(cluster.connection, timeout=ANSWER_SECONDS, retries=0))
        self._ended = threading.Event()
        self._news = threading.Condition()
        self._stack = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []
        self._token = ""

    def __enter__(self) -> Watch:
        """Returns when the leader takes writes, so that whatever is done next is seen."""
        # By a node that stays: it forwards what it is asked, and the login is ended there as well.
        via = next((name for name in self.seen if name != self.stopping), self.stopping)
        with self._stack as entered:
            self._token = entered.enter_context(self._cluster.login(via)).token
            entered.callback(self._end)
            self._threads = [threading.Thread(target=self._ask, args=(name,), daemon=True) for name in self.seen]
            for thread in self._threads:
                thread.start()
            if not self._until(lambda: self.seen[self.stopping].acks >= BEGIN_ACKS, BEGIN_SECONDS):
                raise VaultError(
                    self.stopping,
                    f"it took no write as the active node in {BEGIN_SECONDS:g} s, and was not stopped",
                    "Run playbooks/status.yml, which names the active node.",
                )
            self._stack = entered.pop_all()
        return self

    def __exit__(self, *what: t.Any) -> None:
        self._stack.close()

    def first_write(self, seconds: float) -> Outage:
        """Waits until another node has acknowledged a write."""
        others = [one for name, one in self.seen.items() if name != self.stopping]
        self._until(lambda: any(one.first_ack is not None for one in others), seconds)
        with self._news:
            return outage(self.seen, self.stopping)

    def lost(self, leader: str) -> bool | None:
        """Whether the last write that the old leader acknowledged is gone; None where that can't be read."""
        try:
            client = self._client(self._cluster, leader)
            there = int(data(leader, call(leader, lambda: client.adapter.get(PATH + self.stopping)))["value"])
        except VaultError as error:
            return True if error.status == 404 else None
        return there < self.seen[self.stopping].acks

    def rejoin(
        self, node_id: str, peers: t.Mapping[str, str], began: float, seconds: float
    ) -> tuple[float | None, float | None, str]:
        """How long after *began* the node was unsealed, and was a healthy voter again; and what was missing at last."""
        node, wait = self.stopping, Wait(seconds)
        connection = self._quick.connection
        alone = Cluster(dataclasses.replace(connection, nodes={node: connection.nodes[node]}))
        unsealed, missing = None, "it was not asked"
        index: int | None = None
        while True:
            (own,) = read_nodes(alone)
            if unsealed is None and own["state"] in ("active", "standby"):
                unsealed = time.monotonic() - began
            leader = max(self.seen, key=lambda name: self.seen[name].last_active or 0.0)
            try:
                raft = look.read(leader, self._client(self._cluster, leader))
                index = index_of_leader(raft) if index is None else index
                missing = rejoin_problem(raft, node_id, None, index) or ""
                missing = missing or own_rejoin_problem(raft, node_id, None, index, [own], peers) or ""
            except VaultError as error:
                missing = str(error)
            if not missing:
                return unsealed, time.monotonic() - began, ""
            if not wait.again():
                return unsealed, None, missing

    def _end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _until(self, true: t.Callable[[], bool], seconds: float) -> bool:
        with self._news:
            return self._news.wait_for(true, seconds)

    def _client(self, cluster: Cluster, name: str) -> t.Any:
        client = cluster.client(name)
        client.token = self._token
        return client

    def _ask(self, name: str) -> None:
        client, seen = self._client(self._quick, name), self.seen[name]
        health = f"{self._quick.connection.nodes[name]}/v1/sys/health"

        def write() -> None:
            client.adapter.post(PATH + name, json={"value": seen.acks + 1})

        while not self._ended.is_set():
            # What is refused, and what is not answered, is what is measured.
            with contextlib.suppress(VaultError):
                if call(name, lambda: client.session.get(health, timeout=ANSWER_SECONDS)).status_code == ACTIVE:
                    self._note(seen, "active")
                    call(name, write)
                    self._note(seen, "ack")
            self._ended.wait(PAUSE_SECONDS)

    def _note(self, seen: Seen, what: str) -> None:
        now = time.monotonic()
        with self._news:
            if what == "active":
                seen.first_active, seen.last_active = seen.first_active or now, now
            else:
                seen.first_ack, seen.last_ack, seen.acks = seen.first_ack or now, now, seen.acks + 1
            self._news.notify_all()
