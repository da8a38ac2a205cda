"""What the status says of versions that nobody knows yet, and of what nodes want no token for."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._status import overview, render
from kit import status_samples as samples
from kit.pages import Reader


def texts(level, **changes):
    return [one["text"] for one in samples.document(**changes)["findings"] if one["level"] == level]


def running(*versions):
    nodes = [
        samples.node(at, state="active" if at == 1 else "standby", version=one) for at, one in enumerate(versions, 1)
    ]
    return {**samples.status(nodes), "cluster": {**samples.status(nodes)["cluster"], "versions": sorted(set(versions))}}


def guard(name, guarded=True, families=(), problem=None):
    return {
        "name": name,
        "guarded": guarded,
        "open": list(families) if guarded and not problem else None,
        "problem": problem,
    }


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        (("2.9.0",) * 3, ["Vault 2.9.0 is newer"]),
        (("2.2.2", "2.9.0", "3.0.0"), ["Vault 2.9.0 is newer", "Vault 3.0.0 is newer"]),
        (("2.2.2",) * 3, []),
        (("1.21.1",) * 3, []),
    ],
)
def test_a_version_that_nobody_knows_yet_is_a_notice(versions, said):
    found = [text for text in texts("notice", status=running(*versions)) if "than any version that this" in text]
    assert [text.partition(" than")[0] for text in found] == said


def test_what_is_open_is_a_notice_with_its_way_out():
    guards = {"nodes": [guard("vault-1", families=["generate-root"]), guard("vault-2"), guard("vault-3")]}
    (found,) = [text for text in texts("notice", guards=guards) if "enable_unauthenticated_access" in text]
    assert found.startswith(
        "vault-1: who has no token may begin and end generate-root (enable_unauthenticated_access)."
    )
    assert found.endswith("a run was cut short: playbooks/regain_admin.yml or site.yml takes it back.")


@pytest.mark.parametrize(
    "guards",
    [
        None,
        {"skipped": True},
        {"nodes": [guard("vault-1", False), guard("vault-2", False)]},
        {"nodes": [guard("vault-1")]},
        # That it does not serve is said of the node itself.
        {"nodes": [guard("vault-9", None, problem="vault-9: no answer")]},
    ],
)
def test_what_is_shut_or_was_not_asked_is_not_told(guards):
    assert not [text for level in ("notice", "unknown") for text in texts(level, guards=guards) if "token" in text]


def test_a_node_that_serves_and_was_not_understood_is_unknown():
    found = texts("unknown", guards={"nodes": [guard("vault-2", True, problem="vault-2: no answer in time.")]})
    assert found == ["Nobody knows for what vault-2 wants no token: no answer in time."]


def test_a_node_that_hides_its_version_and_has_something_open_is_unknown():
    hides = {**guard("vault-2"), "guarded": None, "open": ["rekey"]}
    guards = {"nodes": [guard("vault-1", families=["generate-root"]), hides]}
    (found,) = [text for text in texts("unknown", guards=guards) if "token" in text]
    assert found.startswith("vault-2 does not tell its version, and who has no token may begin and end rekey")
    (notice,) = [text for text in texts("notice", guards=guards) if "enable_unauthenticated_access" in text]
    assert notice.startswith("vault-1: "), "of a node that hides its version nobody knows that"
    assert not [text for text in texts("unknown", guards={"nodes": [{**hides, "open": []}]}) if "token" in text]


def test_the_document_has_each_nodes_word():
    made = samples.document(guards={"nodes": [guard("vault-1", families=["rekey"])]})["guards"]
    assert made == [{"node": "vault-1", "guarded": True, "open": ["rekey"], "problem": None}]


BAO = {**samples.ABOUT, "flavour": "openbao"}


def test_of_openbao_neither_lines_nor_page_say_vault():
    one_device = {"node": "vault-1", "requests": "answered", "devices": {"file/": {"type": "file", "options": {}}}}
    made = samples.document(about=BAO, status=running("2.6.1", "2.6.2", "2.6.2"), audit=one_device)
    lines = overview.lines(made)
    assert "; OpenBao 2.6.1, 2.6.2" in lines[0]
    assert "Notice: Only one audit device is enabled (file/): when it fails, OpenBao refuses every request." in lines
    page = Reader(render.status(made))
    assert "OpenBao" in page.said("th") and "OpenBao cluster prod: live" in page.said("title")
    assert any(said.endswith("OpenBao 2.6.1") for said in page.said("text"))
    assert [said for said in [*lines, *page.said()] if "Vault" in said] == []
