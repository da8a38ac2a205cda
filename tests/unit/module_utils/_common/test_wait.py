"""How often is looked again."""

from __future__ import annotations

import time

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.wait import Wait


@pytest.fixture
def clock(monkeypatch):
    """A clock that only pauses move; returns the pauses."""
    now, pauses = [100.0], []

    def sleep(seconds):
        pauses.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    return now, pauses


def test_it_pauses_until_the_time_is_over(clock):
    _now, pauses = clock
    wait = Wait(10, pause=4)
    looks = 1
    while wait.again():
        looks += 1
    assert (looks, pauses) == (4, [4, 4, 4])
    assert wait.is_over


def test_what_a_long_look_brings_counts_and_no_pause_follows_it(clock):
    now, pauses = clock
    wait = Wait(10)
    now[0] += 60
    assert not wait.again()
    assert pauses == []


def test_no_time_at_all_is_one_look(clock):
    now, _pauses = clock
    wait = Wait(0)
    now[0] += 0.001
    assert not wait.again()
