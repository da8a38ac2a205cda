"""For what nodes want no token, asked of a stand-in that speaks as each version of Vault."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_guard_info
from kit.backup_stage import SMALL, VaultStandIn, whole
from kit.vault_versions import GUARDED, STAND_IN

NODES = ("vault-1", "vault-2")


@pytest.fixture
def nodes(certificates):
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(VaultStandIn(certificates, whole(SMALL))) for name in NODES}


@pytest.fixture
def guards(nodes, certificates, run_module):
    def run(check=False, **more):
        urls = {name: one.address for name, one in nodes.items()}
        options = {"nodes": urls, "ca_cert": certificates.path("ca.crt"), "timeout": 5, "retries": 0, "wait_timeout": 0}
        return run_module(vault_guard_info, check, **{**options, **more})

    return run


def speak(nodes, version, *families):
    for one in nodes.values():
        one.recovery.version, one.recovery.open = version, set(families)


@pytest.mark.parametrize("version", STAND_IN)
def test_each_version_is_told_as_it_is(nodes, guards, version):
    speak(nodes, version)
    said = guards(allowed=[])
    assert not said["changed"]
    assert said["left_open"] == {}
    assert [set(one) for one in said["nodes"]] == [
        set(yaml.safe_load(vault_guard_info.RETURN)["nodes"]["contains"])
    ] * 2
    assert [(one["guarded"], one["open"]) for one in said["nodes"]] == (
        [(True, [])] * 2 if version in GUARDED else [(False, None)] * 2
    )
    asked = [call for one in nodes.values() for call in one.calls]
    assert any("generate-root" in call for call in asked) is (version in GUARDED)
    assert not any(one.tokens for one in nodes.values())


@pytest.mark.parametrize("version", GUARDED)
def test_what_is_open_is_named_and_refused(nodes, guards, version):
    speak(nodes, version)
    nodes["vault-2"].recovery.open = {"generate-root"}
    assert guards()["left_open"] == {"vault-2": ["generate-root"]}
    assert guards(check=True, allowed=[])["left_open"] == {"vault-2": ["generate-root"]}, "a look does not fail"
    assert guards(allowed=["generate-root"])["left_open"] == {}
    said = guards(allowed=["rekey"])
    assert said["failed"]
    assert "vault-2: it does generate-root for who has no token" in said["msg"]


def test_a_node_that_hides_its_version_is_asked_all_the_same(nodes, guards):
    speak(nodes, "2.2.2")
    nodes["vault-1"].recovery.hides_version = True
    assert [(one["guarded"], one["open"]) for one in guards(allowed=[])["nodes"]] == [(None, []), (True, [])]
    nodes["vault-1"].recovery.open = {"rekey"}
    assert guards(allowed=[])["failed"]


def test_a_reload_is_waited_for(nodes, guards):
    speak(nodes, "2.2.2", "generate-root", "rekey")
    asked = []

    def shut(_call):
        asked.append(1)
        if len(asked) > 3:
            speak(nodes, "2.2.2")

    nodes["vault-1"].recovery.on_call = shut
    said = guards(allowed=[], wait_timeout=20)
    assert "failed" not in said, said
    assert len(asked) > 3


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (lambda node: setattr(node, "sealed", True), "it is sealed"),
        (lambda node: node.faults.update({"sys/generate-root/attempt": (500, b"{}")}), "500"),
        (lambda node: node.faults.update({"sys/seal-status": None}), "vault-1"),
    ],
)
def test_a_node_that_can_not_be_asked_is_not_shut(nodes, guards, broken, why):
    speak(nodes, "2.0.0")
    broken(nodes["vault-1"])
    said = guards(allowed=[])
    assert said["failed"]
    assert "vault-1: nobody knows for what it wants no token" in said["msg"]
    assert why in said["msg"]
    looked = guards()["nodes"]
    assert [one["open"] for one in looked] == [None, []]
    assert why in looked[0]["problem"]
