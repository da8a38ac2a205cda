"""One controller at a time in AWS: a change that follows another is made once, whoever else tries."""

from __future__ import annotations

import json
import time

import boto3
import pytest
from ansible_collections.amazon.aws.plugins.module_utils.retries import RetryingBotoClientWrapper
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._lease import aws_api as lease_api
from ansible_collections.vaultops.cluster.plugins.module_utils._lease import aws_state as lease_state
from ansible_collections.vaultops.cluster.plugins.modules import aws_lease
from hypothesis import given, settings
from hypothesis import strategies as st
from labkit.settings import REGION

TAGS = {"vault-cluster": "prod"}
SECONDS = 3600.0


def claim(holder="a", **changes):
    return {
        "cluster": "prod",
        "holder": holder,
        "who": f"{holder}@laptop",
        "job": "",
        "playbook": "provision",
        "since": 1_700_000_000.0,
        "seconds": SECONDS,
        "released": False,
        **changes,
    }


# --- decisions


def kept(lease, generation=4, at=0.0):
    return lease_state.Kept(generation, lease, at)


@pytest.mark.parametrize(
    ("state", "found", "now", "granted", "changes"),
    [
        ("taken", None, 0, True, True),
        ("taken", claim("a"), 10, True, True),
        ("taken", claim("b"), SECONDS - 1, False, False),
        ("taken", claim("b"), SECONDS, True, True),
        ("taken", claim("b", released=True), 10, True, True),
        ("renewed", None, 0, False, False),
        ("renewed", claim("a"), 10, True, True),
        ("renewed", claim("a"), 2 * SECONDS, True, True),
        ("renewed", claim("a", released=True), 10, False, False),
        ("renewed", claim("b"), 2 * SECONDS, False, False),
        ("released", None, 0, False, False),
        ("released", claim("a"), 10, True, True),
        ("released", claim("a", released=True), 10, False, False),
        ("released", claim("b"), 2 * SECONDS, False, False),
    ],
)
def test_one_has_it(state, found, now, granted, changes):
    decision = lease_state.decide(state, kept(found) if found else None, claim("a"), now)
    assert decision.granted is granted
    assert (decision.after is not None) is changes
    if decision.after:
        assert decision.after["holder"] == "a"
        assert decision.after["released"] is (state == "released")


@pytest.mark.parametrize(("typed", "granted"), [("b@laptop", True), ("b", False), ("", False)])
def test_it_is_taken_away_by_its_holders_name_only(typed, granted):
    assert lease_state.decide("taken", kept(claim("b")), claim("a"), 1, typed).granted is granted


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("/vaultops/prod/lease/x", json.dumps(claim())),
        ("/vaultops/prod/lease/1", "{"),
        ("/vaultops/prod/lease/1", "[]"),
        ("/vaultops/prod/lease/1", json.dumps({**claim(), "seconds": "1"})),
        ("/vaultops/prod/lease/1", json.dumps({**claim(), "cluster": "other"})),
        ("/vaultops/prod/lease/1", json.dumps({**claim(), "released": 0})),
    ],
)
def test_what_is_no_lease_is_named(name, content):
    with pytest.raises(ValueError, match=name):
        lease_state.newest("prod", {name: (content, 0.0)})


# --- the module, on an AWS on loopback


@pytest.fixture
def ask(aws, run_module):
    def run(state, holder="a", check=False, **more):
        own = {"state": state, "cluster": "prod", "holder": holder, "who": f"{holder}@laptop", "playbook": "provision"}
        return run_module(aws_lease, check, region=REGION, endpoint_url=aws, **{**own, "tags": TAGS, **more})

    run.client = boto3.client("ssm", region_name=REGION, endpoint_url=aws)
    return run


def names(ask):
    found = ask.client.get_parameters_by_path(Path="/vaultops", Recursive=True)["Parameters"]
    return sorted(one["Name"] for one in found)


def test_a_lease_is_taken_named_and_given_back(ask):
    before = time.time()
    assert ask("taken")["granted"]
    (name,) = names(ask)
    tags = ask.client.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert tags == [{"Key": "vault-cluster", "Value": "prod"}]
    refused = ask("taken", "b")
    assert refused["failed"]
    assert "a@laptop (provision, since " in refused["msg"]
    assert "-e vault_lease_take_over=a@laptop" in refused["msg"]
    assert ask("renewed", "b")["failed"]
    assert not ask("released", "b")["granted"]
    assert ask("renewed")["granted"]
    shown = ask("taken")["lease"]
    assert before - 2 <= shown["since"] <= time.time()
    assert shown["expires"] == pytest.approx(time.time() + SECONDS, abs=10)
    assert ask("released")["granted"]
    assert ask("renewed")["failed"]
    assert ask("taken", "b")["lease"] is None
    assert ask("taken", "c", take_over="b@laptop")["granted"]
    assert ask("renewed", "b")["failed"]
    assert len(names(ask)) <= 2


def test_of_a_cluster_that_is_no_more_nothing_stays(ask):
    ask("taken")
    ask("taken", "b", cluster="other")
    assert ask("absent", "b")["granted"] is False
    assert len(names(ask)) == 2
    assert ask("absent")["granted"]
    assert names(ask) == ["/vaultops/other/lease/0000000001"]


def test_check_mode_writes_nothing(ask):
    assert ask("taken", check=True)["granted"]
    assert names(ask) == []
    ask("taken")
    before = names(ask)
    assert not ask("taken", "b", check=True)["granted"]
    assert ask("released", check=True)["granted"]
    assert names(ask) == before


def ran_out(ask, holder):
    content = json.dumps(claim(holder, seconds=-10.0))
    ask.client.put_parameter(Name="/vaultops/prod/lease/0000000001", Value=content, Type="String")


def given_back(ask, holder):
    ask("taken", holder)
    ask("released", holder)


def test_a_lease_that_ran_out_is_taken(ask):
    ran_out(ask, "a")
    assert ask("taken", "b")["granted"]
    assert ask("renewed")["failed"]
    assert ask("taken", minutes=0)["failed"]


def test_what_is_no_lease_is_an_error(ask):
    ask.client.put_parameter(Name="/vaultops/prod/lease/0000000001", Value="?", Type="String")
    assert "/vaultops/prod/lease/0000000001 is not a lease" in ask("taken")["msg"]


@pytest.mark.parametrize("before", [None, given_back, ran_out])
def test_of_two_that_saw_the_same_one_takes_it(ask, before):
    if before:
        before(ask, "z")
    client = RetryingBotoClientWrapper(ask.client, lease_api.RETRY)
    found, now = lease_api.read(client, lease_state.path("prod"))
    last = lease_state.newest("prod", found)
    generation = last.generation + 1 if last else 1
    steps = {holder: lease_state.decide("taken", last, claim(holder), now).after for holder in "ab"}
    params = {holder: {"cluster": "prod", "holder": holder, "tags": TAGS, "state": "taken"} for holder in "ab"}
    aws_lease.follow(client, params["a"], generation, steps["a"])
    with pytest.raises(Problem, match="a@laptop"):
        aws_lease.follow(client, params["b"], generation, steps["b"])
    # An answer of AWS that got lost, and the second try.
    aws_lease.follow(client, params["a"], generation, steps["a"])
    assert ask("renewed", "a")["granted"]


# --- any order of events


class World:
    def __init__(self):
        self.time = 0.0
        self.store = {}
        self.controllers = {name: Controller(self, name) for name in "ab"}


class Controller:
    """What the module does, in steps that other controllers may come between."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.until = None
        self.next = None

    def begin(self, state):
        if state != "taken" and self.until is None:
            return
        last = lease_state.newest("prod", self.world.store)
        after = lease_state.decide(state, last, claim(self.name), self.world.time).after
        if state == "released":
            self.until = None
        if after is None:
            self.until = None
        self.next = (last.generation + 1 if last else 1, after, self.world.time) if after else None

    def write(self):
        if self.next is None:
            return
        generation, after, asked = self.next
        name = lease_state.name("prod", generation)
        self.world.store.setdefault(name, (json.dumps(after), self.world.time))
        last = lease_state.newest("prod", self.world.store)
        self.next = None
        if last.generation != generation or last.lease["holder"] != self.name:
            self.until = None
            return
        for old in lease_state.outdated("prod", self.world.store, generation):
            del self.world.store[old]
        if not after["released"]:
            self.until = asked + SECONDS

    def holds(self):
        return self.until is not None and self.world.time < self.until


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(
    events=st.lists(
        st.one_of(
            st.tuples(
                st.just("begin"), st.sampled_from("ab"), st.sampled_from(["taken", "taken", "renewed", "released"])
            ),
            st.tuples(
                st.just("both"), st.sampled_from("ab"), st.sampled_from(["taken", "taken", "renewed", "released"])
            ),
            st.tuples(st.just("write"), st.sampled_from("ab"), st.just("")),
            st.tuples(st.just("pass"), st.just(""), st.sampled_from([1, SECONDS / 2, SECONDS - 10, SECONDS])),
        ),
        max_size=40,
    )
)
def test_two_never_have_it_at_once(events):
    world = World()
    for event, who, what in events:
        if event == "pass":
            world.time += what
            continue
        if event in ("begin", "both"):
            world.controllers[who].begin(what)
        if event in ("write", "both"):
            world.controllers[who].write()
        assert sum(controller.holds() for controller in world.controllers.values()) <= 1
