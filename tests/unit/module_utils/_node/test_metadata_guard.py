"""Only root and Vault reach the instance metadata service: what is loaded, what is said where it can't be, and what is left."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import metadata_guard as guard
from ansible_collections.vaultops.cluster.plugins.modules import vault_metadata_guard

# What the module asks of nft and of systemd, in a folder: the table that is loaded, units that are enabled and active.
NFT = """#!/bin/sh
cd "$(dirname "$0")"
[ ! -e broken ] || { echo "Operation not permitted" >&2; exit 1; }
case "$1" in
  --check) [ ! -e refuses ] || { echo "Could not process rule" >&2; exit 1; } ;;
  -f) [ ! -e fails ] || exit 1; cp "$2" table ;;
  list) cat table 2>/dev/null ;;
  delete) rm table ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
cd "$(dirname "$0")"
echo "$1" >>calls
case "$1" in
  is-enabled) [ -e enabled ] ;;
  is-active) [ -e active ] ;;
  enable) touch enabled ;;
  disable) rm -f enabled active ;;
  reload-or-restart) ./nft -f "$(sed -n 's/^ExecStart=.* -f //p' units/vaultops-metadata.service)" && touch active ;;
esac
"""
FILES = ["nftables.service.d", "nftables.service.d/vaultops-metadata.conf", "rules.nft", "vaultops-metadata.service"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the rules' files are root's")


@pytest.fixture
def node(tmp_path, monkeypatch, run_module):
    for name, script in {"nft": NFT, "systemctl": SYSTEMCTL}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "units").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    class Node:
        path = tmp_path

        def run(self, check=False, **params):
            places = {"rules": str(tmp_path / "units" / "rules.nft"), "units": str(tmp_path / "units")}
            return run_module(
                vault_metadata_guard, check=check, **{"users": ["nobody", "not-here"], **places, **params}
            )

        def files(self):
            units = tmp_path / "units"
            return sorted(str(path.relative_to(units)) for path in units.rglob("*"))

    return Node()


def test_root_is_let_through_always_and_users_that_are_not_there_are_left_out():
    nobody = pwd.getpwnam("nobody").pw_uid
    assert guard.uids([]) == [0]
    assert guard.uids(["nobody", "not-here"]) == [0, nobody]


def test_rules_for_other_users_have_another_mark():
    assert guard.rules([0])[1] == guard.rules([0])[1]
    assert guard.rules([0])[1] != guard.rules([0, 998])[1]


def test_a_second_run_changes_nothing_and_check_mode_says_what_a_run_does(node):
    said = node.run(check=True)
    assert node.files() == []
    assert not (node.path / "table").exists()
    done = node.run()
    assert (done["changed"], done["guarded"], done["diff"]) == (True, True, said["diff"])
    assert node.files() == FILES
    assert node.run()["changed"] is False
    assert node.run(check=True)["changed"] is False


@pytest.mark.parametrize("lost", ["table", "enabled", "active", "units/rules.nft"])
def test_what_was_lost_is_brought_back(node, lost):
    node.run()
    (node.path / lost).unlink()
    assert node.run(check=True)["changed"]
    assert not (node.path / lost).exists()
    assert node.run()["changed"]
    assert (node.path / lost).exists()
    assert node.run()["changed"] is False


def test_a_rule_that_was_taken_out_is_brought_back(node):
    node.run()
    table = node.path / "table"
    table.write_text("".join(line for line in table.read_text().splitlines(True) if "ip6" not in line))
    assert node.run()["changed"]
    assert "ip6 daddr fd00:ec2::254" in table.read_text()


def test_another_user_is_let_through_once_it_is_there(node):
    node.run(users=["not-here"])
    assert node.run(users=["not-here", "nobody"])["changed"]
    assert f"{{ 0, {pwd.getpwnam('nobody').pw_uid} }}" in (node.path / "table").read_text()


@pytest.mark.parametrize("flaw", ["refuses", "broken", "fails"])
def test_a_kernel_that_can_not_is_said_and_nothing_is_left(node, flaw):
    (node.path / flaw).touch()
    done = node.run()
    assert (done["changed"], done["guarded"]) == (False, False)
    assert "can't load" in done["reason"] or "could not be loaded" in done["reason"]
    assert node.files() == []
    assert not (node.path / "enabled").exists()


def test_a_node_without_nft_is_said(node, monkeypatch):
    (node.path / "nft").unlink()
    monkeypatch.setattr(guard, "nft", lambda: shutil.which("nft", path=str(node.path)))
    done = node.run()
    assert (done["changed"], done["guarded"]) == (False, False)
    assert "Install the package nftables" in done["reason"]


def test_switched_off_all_of_it_goes_and_what_is_another_s_stays(node):
    node.run()
    (node.path / "units" / "nftables.service.d" / "other.conf").touch()
    assert node.run(check=True, state="absent")["changed"]
    assert set(FILES) < set(node.files())
    assert node.run(state="absent")["changed"]
    assert node.files() == ["nftables.service.d", "nftables.service.d/other.conf"]
    assert not any((node.path / name).exists() for name in ("table", "enabled", "active"))
    assert node.run(state="absent")["changed"] is False


def test_systemd_is_told_of_the_units_before_it_is_to_use_them(node):
    node.run()
    calls = (node.path / "calls").read_text().split()
    assert calls.index("daemon-reload") < calls.index("enable") < calls.index("reload-or-restart")


@pytest.mark.skipif(not guard.nft(), reason="nft is not installed here")
def test_the_kernel_has_the_rules_and_other_users_are_kept_out(tmp_path):
    """In a network of its own: its loopback carries the address, and nothing answers elsewhere."""
    (tmp_path / "rules").write_text(guard.rules([0, pwd.getpwnam("nobody").pw_uid])[0])
    script = f"""
set -e
ip link set lo up && ip address add 169.254.169.254/32 dev lo
{guard.nft()} -f {tmp_path}/rules && {guard.nft()} -f {tmp_path}/rules
try() {{ setpriv --reuid "$1" --clear-groups "$0" -c 'import socket,sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("169.254.169.254", 80))
try: s.send(b"x"); print("sent")
except OSError: print("kept out")'; }}
try root; try nobody; try daemon
"""
    command = ["unshare", "--net", "sh", "-c", script, shutil.which("python3", path="/usr/bin")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["sent", "sent", "kept out"]
