"""Which addresses take a connection, as a node sees it."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_listening_info


def test_only_what_takes_a_connection_is_named(run_module):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        open_, shut = (f"127.0.0.1:{one.getsockname()[1]}" for one in (server, bound))
        said = run_module(vault_listening_info, addresses=[open_, shut])
    assert (said["changed"], said["listening"]) == (False, [open_])


def test_no_address_is_no_question(run_module):
    assert run_module(vault_listening_info, addresses=[])["listening"] == []


@pytest.mark.parametrize(
    ("environment", "through_proxy", "reached"),
    [
        ({"https_proxy": "http://{open}"}, True, True),
        ({"https_proxy": "{open}"}, True, True),
        ({"https_proxy": "http://{shut}"}, True, False),
        # Nothing is sent there, whatever a proxy takes.
        ({"https_proxy": "http://{open}", "no_proxy": "127.0.0.1"}, True, False),
        ({"https_proxy": "http://{open}"}, False, False),
        ({}, True, False),
    ],
)
def test_where_there_is_a_proxy_it_is_asked(run_module, monkeypatch, environment, through_proxy, reached):
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        for each in (name, name.upper()):
            monkeypatch.delenv(each, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        open_, shut = (f"127.0.0.1:{one.getsockname()[1]}" for one in (server, bound))
        for name, value in environment.items():
            monkeypatch.setenv(name, value.format(open=open_, shut=shut))
        said = run_module(vault_listening_info, addresses=[shut], through_proxy=through_proxy)
    assert said["listening"] == ([shut] if reached else [])
