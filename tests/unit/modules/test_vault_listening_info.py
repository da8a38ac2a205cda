"""Which addresses take a connection, as a node sees it."""

from __future__ import annotations

import socket

from ansible_collections.vaultops.cluster.plugins.modules import vault_listening_info


def test_only_what_takes_a_connection_is_named(run_module):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        open_, shut = (f"127.0.0.1:{one.getsockname()[1]}" for one in (server, bound))
        said = run_module(vault_listening_info, addresses=[open_, shut])
    assert (said["changed"], said["listening"]) == (False, [open_])


def test_no_address_is_no_question(run_module):
    assert run_module(vault_listening_info, addresses=[])["listening"] == []
