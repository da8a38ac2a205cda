"""Whatever dies, comes back or is asked for, and in whatever order: nothing that is done here costs the quorum."""

from __future__ import annotations

import typing as t

from ansible_collections.vaultops.cluster.plugins.module_utils._node import turn
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import state
from hypothesis import given, settings
from hypothesis import strategies as st

NODES = tuple("abcdefg")


class World:
    """Voters, of which some are dead. Autopilot learns of that only when it is told; the nodes themselves never lie."""

    def __init__(self, count: int) -> None:
        self.voters = list(NODES[:count])
        self.dead: set[str] = set()
        self.thought_dead: set[str] = set()

    def healthy(self) -> int:
        return len([voter for voter in self.voters if voter not in self.dead])

    def quorum(self) -> int:
        return len(self.voters) // 2 + 1

    def leader(self) -> str | None:
        alive = [voter for voter in self.voters if voter not in self.dead]
        return alive[0] if len(alive) >= self.quorum() else None

    def raft(self) -> state.Raft:
        configuration = {
            "servers": [
                {"node_id": voter, "address": f"{voter}:8201", "voter": True, "leader": voter == self.leader()}
                for voter in self.voters
            ]
        }
        healthy = {voter: voter not in self.thought_dead for voter in self.voters}
        autopilot = {
            "healthy": all(healthy.values()),
            "failure_tolerance": sum(healthy.values()) - self.quorum(),
            "servers": {voter: {"healthy": well, "status": "voter"} for voter, well in healthy.items()},
        }
        return state.normalise(configuration, autopilot)

    def answers(self) -> list[t.Any]:
        def kind(name: str) -> str:
            return "unreachable" if name in self.dead else "active" if name == self.leader() else "standby"

        return [
            {"name": n, "url": f"https://{n}:8200", "state": kind(n), "cluster_id": "one", "error": None}
            for n in self.voters
        ]

    def health(self, name: str) -> turn.Answer:
        dead = name in self.dead
        return turn.Answer(name, None if dead else 429, None if dead else "one", "no answer" if dead else None)


def gate(world: World) -> str | None:
    raft, urls = world.raft(), {name: f"https://{name}:8200" for name in world.voters}
    return (
        (None if world.leader() else "no leader")
        or (str(state.not_asked(raft, urls, {})) if state.not_asked(raft, urls, {}) else None)
        or state.quorum_problem(raft, len(world.voters))
        or state.missing_tolerance(raft)
        or state.not_serving(raft, world.answers(), {})
    )


def restart(world: World, name: str, dies_meanwhile: str, comes_back: bool) -> None:
    """A gate on the controller; then something happens; then the node asks for itself, and goes down."""
    if name not in world.voters or gate(world):
        return
    world.dead |= {dies_meanwhile} & set(world.voters)
    others = [world.health(other) for other in world.voters if other != name]
    own = None if name in world.dead else world.health(name)
    if turn.obstacle(own, others, len(world.voters)):
        return
    was_part = name not in world.dead
    world.dead.add(name)
    assert not was_part or world.healthy() >= world.quorum()
    if comes_back:
        world.dead.discard(name)


def remove(world: World, name: str, dies_meanwhile: str, accept: bool) -> None:
    """Judged; then the leadership is handed over, and something happens; then judged again, and removed."""
    for _look in range(2):
        if name not in world.voters or not world.leader():
            return
        seen = state.by_own_word(world.raft(), world.answers(), {})
        if state.removal_problem(seen, name, name, accept):
            return
        if not _look:
            world.dead |= {dies_meanwhile} & set(world.voters)
    world.voters.remove(name)
    assert world.healthy() >= world.quorum()


node = st.sampled_from(NODES)
step = st.one_of(
    st.tuples(st.just("dies"), node),
    st.tuples(st.just("comes back"), node),
    st.tuples(st.just("autopilot notices")),
    st.tuples(st.just("restart"), node, st.one_of(st.just("nobody"), node), st.booleans()),
    st.tuples(st.just("remove"), node, st.one_of(st.just("nobody"), node), st.booleans()),
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from((3, 5, 7)), st.lists(step, max_size=25))
def test_no_order_of_failures_and_changes_costs_the_quorum(count: int, steps: list[t.Any]) -> None:
    world = World(count)
    for what, *arguments in steps:
        if what == "dies":
            world.dead.add(arguments[0])
        elif what == "comes back":
            world.dead.discard(arguments[0])
        elif what == "autopilot notices":
            world.thought_dead = set(world.dead)
        elif what == "restart":
            restart(world, *arguments)
        else:
            remove(world, *arguments)


def test_the_gate_lets_a_cluster_through_that_is_well() -> None:
    """Else the property above would hold of a gate that is always shut."""
    for count in (3, 5, 7):
        world = World(count)
        assert gate(world) is None
        assert turn.obstacle(world.health("b"), [world.health(o) for o in world.voters if o != "b"], count) is None
        world.dead.add("c")
        assert gate(world) is not None
        remove(world, "c", "nobody", True)
        assert "c" not in world.voters
