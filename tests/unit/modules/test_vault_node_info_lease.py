"""What vault_node_info says of a lease: as the module vault_lease would answer, and without a trace of the look."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_lease, vault_node_info

SYSTEMCTL = """case "$1:$*" in
  show:*UnitFileState*) : ;;
  show:*) printf 'LoadState=not-found\\nActiveState=inactive\\nSubState=dead\\nMainPID=0\\n' ;;
esac"""


@pytest.fixture
def look(tmp_path, node_with, run_module):
    node_with(systemctl=SYSTEMCTL)
    places = {name: str(tmp_path / name) for name in ("releases", "link", "data", "ca", "home")}

    def run(check=False, **more):
        options = {**places, "restart_files": [], "reload_files": [], "listener": "127.0.0.1:1"}
        own = {"cluster": "prod", "directory": str(tmp_path / "lease"), **more}
        return run_module(vault_node_info, check, **options, lease=own)

    run.places = places
    return run


@pytest.fixture
def take(tmp_path, run_module):
    def run(state="taken", who="bob", check=False):
        own = {"state": state, "cluster": "prod", "holder": who, "who": who, "playbook": "restore"}
        return run_module(vault_lease, check, directory=str(tmp_path / "lease"), **own)

    return run


@pytest.mark.parametrize("check", [False, True])
def test_where_none_was_ever_taken_it_would_be_granted_and_nothing_is_made(look, tmp_path, check):
    said = look(check)
    assert said["changed"] is False
    assert (said["lease"]["granted"], said["lease"]["mark"], said["lease"]["asked_at"]) == (True, None, None)
    assert not (tmp_path / "lease").exists()


@pytest.mark.parametrize("check", [False, True])
def test_a_lease_that_another_has_is_shown_and_left(look, take, tmp_path, check):
    take()
    kept = {path.name: path.read_bytes() for path in (tmp_path / "lease").iterdir()}
    times = os.stat(tmp_path / "lease").st_mtime_ns
    found = look(check)["lease"]
    assert found["granted"] is False
    assert (found["lease"]["who"], found["lease"]["playbook"]) == ("bob", "restore")
    assert found["mark"] is not None
    assert found["mark"] == take(who="carol", check=True)["mark"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "lease").iterdir()} == kept
    assert os.stat(tmp_path / "lease").st_mtime_ns == times


def test_a_lease_that_would_be_taken_away_is_none(look, take):
    take()
    assert look(take_over="bob")["lease"]["granted"] is True
    assert look(take_over="carol")["lease"]["granted"] is False


def test_another_clusters_lease_is_none(look, take):
    take()
    assert look(cluster="other")["lease"]["granted"] is True


def test_what_is_taken_after_the_look_has_the_looks_mark_unless_another_was_first(look, take):
    first = look()["lease"]["mark"]
    assert take()["mark"] == first
    take("released")
    second = look()["lease"]["mark"]
    assert second not in (None, first)
    assert take()["mark"] == second
    take("released")
    take(who="carol")
    take("released", who="carol")
    assert take()["mark"] != second
