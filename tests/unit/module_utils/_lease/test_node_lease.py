"""One controller at a time: what a node grants, what the controller makes of it, and that two never hold the lease at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time

import pytest
from ansible_collections.vaultops.cluster.plugins.filter import cluster as filters
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._lease import nodes as verdicts
from ansible_collections.vaultops.cluster.plugins.module_utils._node import lease
from ansible_collections.vaultops.cluster.plugins.modules import vault_lease
from hypothesis import given, settings
from hypothesis import strategies as st

MINUTES = 30
SECONDS = 60.0 * MINUTES
NOW = lease.Clock(wall=1_700_000_000.0, boot=5_000.0, boot_id="first boot")


def claim(holder="a", clock=NOW, **changes):
    own = {
        "cluster": "prod",
        "holder": holder,
        "who": f"{holder}@laptop",
        "job": "",
        "playbook": "site",
        "since": clock.wall,
        "seconds": SECONDS,
        "renewed_at": clock.boot,
        "boot_id": clock.boot_id,
    }
    return {**own, **changes}


def after(seconds, wall=None):
    return lease.Clock(NOW.wall + (seconds if wall is None else wall), NOW.boot + seconds, NOW.boot_id)


# --- a node's decision


@pytest.mark.parametrize(
    ("state", "found", "granted", "kept_by"),
    [
        ("taken", None, True, "a"),
        ("taken", "a", True, "a"),
        ("taken", "b", False, "b"),
        ("renewed", None, False, None),
        ("renewed", "a", True, "a"),
        ("renewed", "b", False, "b"),
        ("released", None, False, None),
        ("released", "a", True, None),
        ("released", "b", False, "b"),
    ],
)
def test_a_node_grants_to_one(state, found, granted, kept_by):
    decision = lease.decide(state, claim(found) if found else None, claim("a", after(60)), after(60))
    assert decision.granted is granted
    assert (decision.after["holder"] if decision.after else None) == kept_by


def test_a_lease_that_was_renewed_lasts_anew_and_began_when_it_was_taken():
    decision = lease.decide("renewed", claim("a"), claim("a", after(600)), after(600))
    assert lease.remaining(decision.after, after(600)) == SECONDS
    assert decision.after["since"] == NOW.wall


@pytest.mark.parametrize(
    ("clock", "granted"),
    [
        (after(SECONDS - 1), False),
        (after(SECONDS), True),
        # The wall clock was set: forward by a year, and back.
        (after(60, wall=365 * 86400), False),
        (after(SECONDS, wall=-365 * 86400), True),
        # After a reboot, nobody knows how long that took.
        (lease.Clock(NOW.wall + 86400, 10.0, "second boot"), False),
        (lease.Clock(NOW.wall + 86400, SECONDS - 1, "second boot"), False),
        (lease.Clock(NOW.wall, SECONDS, "second boot"), True),
    ],
)
def test_a_lease_runs_out_by_the_clock_that_nobody_sets(clock, granted):
    assert lease.decide("taken", claim("b"), claim("a", clock), clock).granted is granted


@pytest.mark.parametrize(
    ("typed", "granted"),
    [("b@laptop", True), ("c@laptop,b@laptop", True), ("b", False), ("", False), ("a@laptop", False)],
)
def test_a_lease_is_taken_away_by_its_holders_name_only(typed, granted):
    assert lease.decide("taken", claim("b"), claim("a"), NOW, typed).granted is granted
    assert not lease.decide("taken", claim("b", who=""), claim("a"), NOW, "").granted
    assert not lease.decide("renewed", claim("b"), claim("a"), NOW, typed).granted


# --- the module and its file


@pytest.fixture
def node(tmp_path, run_module):
    """Asks the node for its vote."""
    directory = tmp_path / "var" / "lease"

    def ask(state, holder="a", check=False, **more):
        own = {"state": state, "cluster": "prod", "holder": holder, "who": f"{holder}@laptop", "playbook": "site"}
        return run_module(vault_lease, check, directory=str(directory), **{**own, **more})

    ask.path = directory / "lease-prod.json"
    return ask


def test_a_lease_is_taken_named_and_given_back(node):
    before = time.time()
    assert node("taken", asked_at=1.5)["granted"]
    assert stat.S_IMODE(node.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(node.path.stat().st_mode) == 0o600
    refused = node("taken", "b", minutes=5)
    assert not refused["granted"] and not refused["changed"]
    assert refused["lease"]["who"] == "a@laptop"
    assert refused["lease"]["playbook"] == "site"
    assert before - 1 <= refused["lease"]["since"] <= time.time()
    assert refused["lease"]["expires"] == pytest.approx(time.time() + SECONDS, abs=5)
    assert not node("renewed", "b")["granted"]
    assert not node("released", "b")["granted"]
    assert node("renewed", asked_at=2.5)["asked_at"] == 2.5
    assert node("released")["granted"]
    assert os.listdir(node.path.parent) == []
    assert not node("renewed")["granted"]
    assert node("taken", "b")["granted"]


@pytest.mark.parametrize("state", ["taken", "renewed", "released"])
def test_check_mode_tells_and_writes_nothing(node, state):
    nothing_there = node(state, check=True)
    assert nothing_there["granted"] is (state == "taken")
    assert not node.path.parent.exists()
    node("taken")
    before = node.path.read_bytes()
    assert node(state, check=True)["granted"]
    assert not node(state, "b", check=True)["granted"]
    assert node.path.read_bytes() == before


def test_clusters_have_leases_of_their_own(node):
    assert node("taken")["granted"]
    assert node("taken", "b", cluster="other")["granted"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b"null",
        json.dumps({**claim("b"), "cluster": "other"}).encode(),
        json.dumps({**claim("b"), "cluster": "../prod"}).encode(),
        json.dumps({**claim("b"), "seconds": "1"}).encode(),
        json.dumps({**claim("b"), "renewed_at": float("nan")}).encode(),
        json.dumps({**claim("b"), "seconds": True}).encode(),
        json.dumps({name: value for name, value in claim("b").items() if name != "holder"}).encode(),
    ],
)
@pytest.mark.parametrize("state", ["taken", "renewed", "released"])
def test_a_file_that_is_no_lease_is_an_error_and_no_grant(node, state, content):
    node.path.parent.mkdir(parents=True, mode=0o700)
    node.path.write_bytes(content)
    answer = node(state)
    assert answer["failed"]
    assert str(node.path) in answer["msg"] and "remove the file" in answer["msg"]
    assert node.path.read_bytes() == content


WORDS = st.text(max_size=8)
TRASH = st.dictionaries(st.sampled_from(sorted(claim())), WORDS | st.floats() | st.none(), max_size=9)


@settings(deadline=None)
@given(content=st.binary(max_size=50) | TRASH.map(lambda found: json.dumps(found).encode()))
def test_reading_a_file_raises_one_kind_of_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("lease") / "lease-prod.json"
    path.write_bytes(content)
    try:
        found = lease.read(str(path))
    except Problem:
        return
    assert found["cluster"] == "prod"


@pytest.mark.parametrize("cluster", ["", "../prod", "a/b", "-x", "a\n", ".."])
def test_a_clusters_name_is_no_path(node, cluster):
    assert node("taken", cluster=cluster)["failed"]


@pytest.mark.parametrize("what", ["file", "writable"])
def test_a_directory_that_others_may_write_to_is_refused(node, what):
    directory = node.path.parent
    directory.parent.mkdir()
    if what == "file":
        directory.write_text("")
    else:
        directory.mkdir()
        directory.chmod(0o777)
    assert str(directory) in node("taken")["msg"]


def _race(directory, holder, barrier, won):
    barrier.wait()
    own = {"directory": directory, "cluster": "prod", "holder": holder, "state": "taken", "minutes": 1, "take_over": ""}
    if vault_lease.run({**own, "who": holder, "job": "", "playbook": "", "asked_at": None}, False)["granted"]:
        won.put(holder)


def test_of_many_that_ask_in_the_same_moment_one_is_granted(tmp_path):
    context = multiprocessing.get_context("fork")
    for attempt in range(5):
        barrier, won = context.Barrier(4), context.Queue()
        asking = [
            context.Process(target=_race, args=(str(tmp_path / str(attempt)), str(holder), barrier, won))
            for holder in range(4)
        ]
        for process in asking:
            process.start()
        for process in asking:
            process.join()
        assert won.get(timeout=5)
        assert won.empty()


# --- the controller's verdict

NODES = ["n1", "n2", "n3"]
THEIRS = {
    "who": "bob@ops-1",
    "job": "job 7",
    "playbook": "rolling_upgrade",
    "since": 1_700_000_000.0,
    "expires": 1_700_001_800.0,
}


def answer(granted=True, kept=None, asked_at=1.0):
    return {"granted": granted, "lease": kept, "asked_at": asked_at}


@pytest.mark.parametrize(
    ("answers", "held"),
    [
        ({"n1": answer(), "n2": answer(), "n3": answer()}, True),
        ({"n1": answer(), "n2": answer(), "n3": answer(False, THEIRS)}, True),
        ({"n1": answer(), "n2": answer(), "n3": {"unreachable": True}}, True),
        ({"n1": answer(), "n2": answer(False, THEIRS), "n3": answer(False, THEIRS)}, False),
        ({"n1": answer(), "n2": {"unreachable": True, "msg": "no route"}, "n3": {"unreachable": True}}, False),
        ({"n1": answer()}, False),
        ({}, False),
        # From an earlier question.
        ({"n1": answer(), "n2": answer(asked_at=0.5), "n3": answer(asked_at=0.5)}, False),
        ({"n1": answer(), "n2": {**answer(), "unreachable": True}, "n3": {**answer(), "failed": True}}, False),
        # Of hosts that are no nodes.
        ({"n1": answer(), "x": answer(), "y": answer()}, False),
    ],
)
def test_more_than_half_of_all_nodes_must_have_granted_it(answers, held):
    assert (verdicts.verdict(NODES, answers, 1.0) == "") is held


def test_one_node_that_a_recovery_holds_is_enough_to_stop_a_run():
    """The recovery asks the nodes that it is left with, and they are less than half."""
    answers = {"n1": answer(), "n2": answer(), "n3": answer(False, {**THEIRS, "playbook": "recover_quorum"})}
    said = verdicts.verdict(NODES, answers, 1.0)
    assert "2 of 3 nodes" in said and "n3 may become the whole cluster" in said
    assert "-e vault_lease_take_over=bob@ops-1" in said


def test_half_is_not_enough():
    nodes = [*NODES, "n4"]
    assert verdicts.verdict(nodes, {"n1": answer(), "n2": answer()}, 1.0)


def test_a_refusal_names_holder_playbook_times_and_cure():
    said = verdicts.verdict(NODES, {"n1": answer(False, THEIRS), "n2": answer(False, THEIRS), "n3": answer()}, 1.0)
    assert "1 of 3 nodes" in said
    assert "bob@ops-1 (rolling_upgrade, job 7, since 2023-11-14 22:13 UTC, runs out 2023-11-14 22:43 UTC)" in said
    assert "n1, n2" in said
    assert "-e vault_lease_take_over=bob@ops-1" in said


def test_a_refusal_for_want_of_nodes_names_these():
    silent = {"n2": {"unreachable": True, "msg": "no route\nto host"}, "n3": {"unreachable": True}}
    said = verdicts.verdict(NODES, {"n1": answer(), **silent}, 1.0)
    assert "n2: no route to host" in said and "n3: no answer" in said
    assert "Bring the nodes that gave no lease back" in said
    assert "take_over" not in said and "--limit" not in said


def test_nodes_that_a_run_leaves_out_are_not_to_be_brought_back():
    said = verdicts.verdict(NODES, {"n1": answer(), "n2": {}}, 1.0)
    assert "n2: it was not asked; n3: it was not asked" in said
    assert "Run it without --limit" in said and "Bring the nodes" not in said


# --- the controller's own clock, between two votes


def moment(boot, wall=None, boot_id="x"):
    return {"boot": boot, "wall": boot if wall is None else wall, "boot_id": boot_id}


@pytest.mark.parametrize(
    ("now", "problem"),
    [
        (moment(0), False),
        (moment(SECONDS * 0.85), False),
        (moment(SECONDS * 0.95), True),
        # The controller slept, and the clock since boot did not see that; or its wall clock was set back.
        (moment(10, wall=SECONDS), True),
        (moment(SECONDS, wall=-1000), True),
        (moment(10, boot_id="y"), True),
    ],
)
def test_a_turn_waits_for_no_clock(now, problem):
    assert bool(verdicts.turn_problem(answer(), "n1", moment(0), now, MINUTES)) is problem


@pytest.mark.parametrize("said", [answer(False), answer(False, THEIRS), {"unreachable": True}, {}])
def test_a_turn_needs_the_nodes_own_grant(said):
    assert "n1" in verdicts.turn_problem(said, "n1", moment(0), moment(1), MINUTES)


def test_a_claim_is_of_one_run(monkeypatch):
    first, second = filters.lease_claim("site"), filters.lease_claim("site")
    assert first["holder"] != second["holder"]
    assert first["who"] == second["who"]
    assert filters.lease_claim("site", user="carol")["who"].startswith("carol@")
    monkeypatch.setattr("getpass.getuser", lambda: (nobody for nobody in ()).throw(KeyError("no such uid")))
    assert filters.lease_claim("site")["who"].startswith(f"{os.getuid()}@")
    now = filters.lease_moment("")
    assert 0 <= verdicts.elapsed(now, filters.lease_moment("")) < 60


# --- what is said again after a failure


@pytest.mark.parametrize(
    ("result", "task", "said"),
    [
        ({"msg": "no quorum"}, {"name": "Gate"}, "no quorum"),
        ({"msg": "hunter2", "_ansible_no_log": True}, {"name": "Gate"}, "'Gate' failed. What it said is hidden"),
        ({"msg": "hunter2"}, {"name": "Gate", "no_log": True}, "'Gate' failed. What it said is hidden"),
        ({"msg": "All items", "results": [{"msg": "fine"}, {"failed": True, "msg": "this"}]}, {"name": "Gate"}, "this"),
        ({"msg": "All items", "results": [{"failed": True}]}, {"name": "Gate"}, "All items"),
        ({}, {"name": "Gate"}, "'Gate' failed."),
    ],
)
def test_the_cause_is_said_again(result, task, said):
    again = verdicts.cause(result, task)
    assert again.startswith(said) and "hunter2" not in again


def test_where_the_lease_stays_is_said():
    returns = {
        "n1": {"granted": True},
        "n2": {"granted": False},
        "n3": {"unreachable": True},
        "n4": {"msg": "read-only\n"},
    }
    assert verdicts.kept(returns).startswith(
        "The lease could not be given back on n3 (it was not reached); n4 (read-only)."
    )
    assert verdicts.kept({"n1": {"granted": True}, "n2": {"skipped": True}}) == ""


# --- any order of events


class World:
    """Controllers and nodes, by the functions that they use; a controller asks its nodes one by one, in any order."""

    def __init__(self, nodes, controllers):
        self.time = 0.0
        self.nodes = [f"n{number}" for number in range(nodes)]
        self.kept = dict.fromkeys(self.nodes)
        self.boots = {node: (0.0, 0) for node in self.nodes}
        self.reachable = set(self.nodes)
        self.controllers = {name: Controller(self, name) for name in "abc"[:controllers]}

    def clock(self, node):
        begun, count = self.boots[node]
        # Each node's wall clock is wrong in its own way.
        return lease.Clock(self.time + 1000 * self.nodes.index(node), self.time - begun, str(count))

    def ask(self, node, state, name, take_over=""):
        if node not in self.reachable:
            return None
        clock = self.clock(node)
        decision = lease.decide(state, self.kept[node], claim(name, clock), clock, take_over)
        self.kept[node] = decision.after
        return decision.granted


class Controller:
    def __init__(self, world, name):
        self.world, self.name = world, name
        self.asking, self.answers, self.asked_at, self.left = None, {}, -1.0, []
        self.dead = False
        self.held_since = None  # when those that granted the lease to it were asked

    def begin(self, state, take_over=""):
        if self.asking is None and (state == "renewed") == (self.held_since is not None) or state == "released":
            self.asking, self.answers, self.asked_at = state, {}, self.world.time
            self.take_over, self.left = take_over, list(self.world.nodes)
            if state == "released":
                self.held_since = None

    def step(self, which):
        if self.asking is None:
            return
        node = self.left.pop(which % len(self.left))
        granted = self.world.ask(node, self.asking, self.name, self.take_over)
        if granted is not None:
            self.answers[node] = answer(granted, None, self.asked_at)
        if self.left:
            return
        asked, self.asking = self.asking, None
        if asked == "released":
            return
        if verdicts.verdict(self.world.nodes, self.answers, self.asked_at) == "":
            self.held_since = self.asked_at
        else:
            self.held_since = None
            self.begin("released")

    def turn(self, node):
        """A turn of serial: 1: one node is asked."""
        if self.asking is None and self.held_since is not None:
            granted = self.world.ask(node, "renewed", self.name)
            said = answer(bool(granted)) if granted is not None else {"unreachable": True}
            if verdicts.turn_problem(said, node, moment(self.held_since), moment(self.world.time), MINUTES):
                self.held_since = None
                self.begin("released")

    def crash(self):
        self.asking, self.held_since = None, None

    def may_work(self):
        """By the rules: it holds the lease, and would pass the check before a turn."""
        held = self.held_since
        return held is not None and not verdicts.turn_problem(
            answer(), "n", moment(held), moment(self.world.time), MINUTES
        )


EVENTS = st.one_of(
    st.tuples(st.just("begin"), st.sampled_from("abc"), st.sampled_from(["taken", "taken", "renewed", "released"])),
    st.tuples(st.just("step"), st.sampled_from("abc"), st.integers(0, 6)),
    st.tuples(st.just("step"), st.sampled_from("abc"), st.integers(0, 6)),
    st.tuples(st.just("all"), st.sampled_from("abc"), st.integers(0, 6)),
    st.tuples(st.just("turn"), st.sampled_from("abc"), st.integers(0, 6)),
    st.tuples(st.just("crash"), st.sampled_from("abc"), st.just(0)),
    st.tuples(st.just("pass"), st.just(""), st.sampled_from([1, 60, 600, 900, 1500, 1620, 1800, 3600])),
    st.tuples(st.just("cut"), st.just(""), st.integers(0, 6)),
    st.tuples(st.just("mend"), st.just(""), st.integers(0, 6)),
    st.tuples(st.just("reboot"), st.just(""), st.integers(0, 6)),
    st.tuples(st.just("take_over"), st.sampled_from("abc"), st.sampled_from("abc")),
)


def happen(world, event, who, what):
    node = world.nodes[what % len(world.nodes)] if isinstance(what, int) else ""
    controller = world.controllers.get(who)
    if event == "pass":
        world.time += what
    elif event == "cut":
        world.reachable.discard(node)
    elif event == "mend":
        world.reachable.add(node)
    elif event == "reboot":
        world.boots[node] = (world.time, world.boots[node][1] + 1)
    elif controller is None or controller.dead:
        return
    elif event == "begin":
        controller.begin(what)
    elif event == "step":
        controller.step(what)
    elif event == "all":
        while controller.asking is not None:
            controller.step(what)
    elif event == "turn":
        controller.turn(node)
    elif event == "crash":
        controller.crash()
    elif event == "take_over" and what in world.controllers and what != who:
        # Whoever types the name has seen that no run of that name is alive, or begins now.
        world.controllers[what].crash()
        world.controllers[what].dead = True
        controller.begin("taken", f"{what}@laptop")


@settings(max_examples=400, deadline=None)
@given(nodes=st.sampled_from([3, 5, 7]), controllers=st.sampled_from([2, 3]), events=st.lists(EVENTS, max_size=60))
def test_two_controllers_never_hold_the_lease_at_once(nodes, controllers, events):
    world = World(nodes, controllers)
    for event in events:
        happen(world, *event)
        working = [name for name, controller in world.controllers.items() if controller.may_work()]
        assert len(working) <= 1, f"{working} hold the lease at once"


def test_the_events_are_enough_to_take_it_in_turn():
    """So that the property is not true for want of holders."""
    world = World(3, 2)
    held = []
    for event in [
        ("begin", "a", "taken"),
        ("all", "a", 0),
        ("begin", "b", "taken"),
        ("all", "b", 0),
        ("all", "b", 0),
        ("crash", "a", 0),
        ("pass", "", 1800),
        ("begin", "b", "taken"),
        ("all", "b", 0),
    ]:
        happen(world, *event)
        held.append([name for name, controller in world.controllers.items() if controller.may_work()])
    assert held[1:6] == [["a"], ["a"], ["a"], ["a"], []]
    assert held[-1] == ["b"]
