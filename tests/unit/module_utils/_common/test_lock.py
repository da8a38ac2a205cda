"""A directory that one process at a time works in."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import lock
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem

FORK = multiprocessing.get_context("fork")


def _holds(directory, ready):
    with lock.locked(directory):
        ready.send("held")
        signal.pause()


def _counts(directory, times):
    counter = os.path.join(directory, "counter")
    for _time in range(times):
        with lock.locked(directory):
            with open(counter, encoding="ascii") as stream:
                number = int(stream.read())
            with open(counter, "w", encoding="ascii") as stream:
                stream.write(str(number + 1))


@pytest.fixture
def holder(tmp_path):
    here, there = FORK.Pipe()
    process = FORK.Process(target=_holds, args=(str(tmp_path), there))
    process.start()
    assert here.poll(30)
    yield process
    process.kill()
    process.join(30)


def test_what_is_read_and_written_under_it_is_never_anothers(tmp_path):
    (tmp_path / "counter").write_text("0")
    counting = [FORK.Process(target=_counts, args=(str(tmp_path), 50)) for _process in range(4)]
    for process in counting:
        process.start()
    for process in counting:
        process.join(60)
    assert (tmp_path / "counter").read_text() == "200"


def test_who_waits_too_long_is_told_who_has_it(tmp_path, holder, monkeypatch):
    monkeypatch.setattr(lock, "LOCK_SECONDS", 0.1)
    with pytest.raises(Problem, match="is locked by another process") as caught, lock.locked(str(tmp_path)):
        pytest.fail("two have it")
    assert f"fuser {tmp_path}" in str(caught.value)


def test_the_lock_goes_with_the_process_however_that_ends(tmp_path, holder):
    holder.kill()
    with lock.locked(str(tmp_path)):
        pass


def test_it_is_given_back_after_an_error_and_leaves_nothing(tmp_path):
    for _time in range(2):
        with pytest.raises(ZeroDivisionError), lock.locked(str(tmp_path)):
            raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_a_directory_that_is_missing_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError), lock.locked(str(tmp_path / "missing" / ".lock")):
        pytest.fail("nothing was locked")
    assert os.listdir(tmp_path) == []


def test_a_file_is_made_for_it_that_is_the_owner_s(tmp_path):
    path = tmp_path / ".lock"
    with lock.locked(str(path)):
        assert path.stat().st_mode & 0o777 == 0o600
    with lock.locked(str(path)):
        pass
