"""What every module that talks to Vault makes of an answer, or of none: a status, how far the call came, and words."""

from __future__ import annotations

import errno
import http.server
import socket
import ssl
import threading
import typing as t

import pytest
import requests
import urllib3
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection, call, reach_of
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import REACH, VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.wire import TooLong, UnusableCa
from ansible_collections.vaultops.cluster.plugins.modules import (
    vault_audit,
    vault_canary,
    vault_cert_crl,
    vault_cert_role,
    vault_raft_autopilot,
    vault_raft_info,
    vault_status_info,
    vault_write_check,
)

AT = "sys/audit"
WHEN = "2026-11-24T10:00:00Z"


@pytest.fixture
def asked(vault, connection):
    """Asks the stand-in, which answers with *fault*; returns the error."""

    def ask(fault, **options):
        vault.faults[AT] = fault
        client = Cluster(Connection(**{**connection, **options})).client("vault-1")
        with pytest.raises(VaultError) as caught:
            call("vault-1", lambda: client.adapter.get(f"/v1/{AT}"))
        return caught.value

    return ask


@pytest.mark.parametrize("body", [b'{"errors": ["one thing", "another"]}', b'{"errors": null}', b"<html>Bad</html>"])
@pytest.mark.parametrize("status", [400, 403, 404, 501, 503])
def test_a_refusal_has_the_status_that_decisions_are_taken_by(asked, status, body):
    error = asked((status, body))
    assert (error.status, error.reach) == (status, "answered")
    assert error.where == "vault-1"
    assert str(error).startswith("vault-1: ")
    if b"one thing" in body:
        assert "one thing; another" in error.cause


@pytest.mark.parametrize("status", [401, 405, 412, 429, 472, 473, 500, 502, 530])
def test_any_other_refusal_is_an_answer_in_vaults_words(asked, status):
    error = asked((status, b'{"errors": ["one thing"]}'))
    assert error.reach == "answered"
    assert error.cause == "Vault refused: one thing"


def test_only_a_refusal_says_what_may_be_wrong_with_the_token(asked):
    assert "its policy does not allow this" in asked((403, b'{"errors": ["permission denied"]}')).cure
    assert asked((400, b'{"errors": ["no such thing"]}')).cure == ""


def test_no_answer_has_no_status_and_says_what_to_look_at(asked):
    error = asked(None)
    assert (error.status, error.reach) == (None, "broken")
    assert "systemctl status vault" in error.cure


def test_a_port_that_is_closed_is_refused(asked):
    error = asked(None, nodes={"vault-1": "https://127.0.0.1:1"})
    assert (error.status, error.reach) == (None, "refused")
    assert "Connection refused" in error.cause


def test_a_name_that_the_certificate_does_not_hold_is_tls(asked):
    error = asked(None, tls_server_name="another.internal")
    assert (error.status, error.reach) == (None, "tls")
    assert "another.internal" in error.cause
    assert "Compare 'ca_cert' with the CA" in error.cure


def test_a_ca_that_is_not_there_is_this_controllers_own(asked, vault, tmp_path):
    error = asked(None, ca_cert=str(tmp_path / "lost.crt"))
    assert (error.status, error.reach) == (None, "ca_file")
    assert f"the CA file {tmp_path / 'lost.crt'} can't be used (No such file or directory)" in error.cause
    assert vault.calls == []


def test_a_client_certificate_that_is_not_there_is_named(asked, vault, connection, tmp_path):
    lost = {"cert_auth_public_key": str(tmp_path / "lost.crt"), "cert_auth_private_key": str(tmp_path / "lost.key")}
    with pytest.raises(VaultError) as caught, Cluster(Connection(**connection, **lost)).login("vault-1"):
        pass
    assert str(tmp_path / "lost.crt") in str(caught.value)
    assert "Check that the file exists" in caught.value.cure
    assert vault.calls == []


def test_what_goes_well_comes_back_as_it_is(vault, connection):
    client = Cluster(Connection(**connection)).client("vault-1")
    assert call("vault-1", lambda: client.adapter.get("/v1/sys/leader"))["is_self"] is True


# --- without a wire


def raised(error: BaseException) -> VaultError:
    def action() -> t.NoReturn:
        raise error

    with pytest.raises(VaultError) as caught:
        call("vault-1", action)
    assert caught.value.__cause__ is error
    return caught.value


def of_urllib3(cause: BaseException) -> requests.exceptions.ConnectionError:
    """As requests wraps what urllib3 gave up with."""
    return requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/v1/sys/audit", cause))


def new_connection(cause: OSError) -> urllib3.exceptions.NewConnectionError:
    error = urllib3.exceptions.NewConnectionError(None, f"Failed to establish a new connection: {cause}")
    error.__cause__ = cause
    return error


def errno_of(name: str) -> OSError:
    return OSError(getattr(errno, name), name)


@pytest.mark.parametrize(
    ("error", "reach", "says"),
    [
        (of_urllib3(new_connection(ConnectionRefusedError())), "refused", "no connection"),
        (of_urllib3(new_connection(errno_of("EHOSTUNREACH"))), "unroutable", "no connection"),
        (of_urllib3(new_connection(errno_of("ENETUNREACH"))), "unroutable", "no connection"),
        (of_urllib3(new_connection(errno_of("EPERM"))), "unroutable", "no connection"),
        (of_urllib3(new_connection(socket.gaierror(-2, "Name or service not known"))), "unroutable", "no connection"),
        (of_urllib3(urllib3.exceptions.ConnectTimeoutError()), "timeout", "no answer in time"),
        (requests.exceptions.ReadTimeout(), "timeout", "no answer in time"),
        (requests.exceptions.ConnectTimeout(), "timeout", "no answer in time"),
        (of_urllib3(ssl.SSLCertVerificationError(1, "certificate has expired")), "tls", "was not accepted"),
        (of_urllib3(ConnectionResetError(errno.ECONNRESET, "reset")), "broken", "no connection"),
        (requests.exceptions.ChunkedEncodingError("cut"), "broken", "the answer broke off"),
        (of_urllib3(TooLong("more than 1 MiB")), "broken", "its answer is longer than any of Vault's"),
    ],
)
def test_how_far_a_call_came_is_told_by_the_kind_of_its_end(error, reach, says):
    found = raised(error)
    assert (found.status, found.reach) == (None, reach)
    assert says in found.cause
    assert found.cure
    assert reach in REACH


def test_a_file_of_this_machine_says_nothing_of_the_node():
    found = raised(PermissionError(errno.EACCES, "Permission denied", "/etc/vaultops/operator.key"))
    assert (found.status, found.reach) == (None, None)
    assert "/etc/vaultops/operator.key" in found.cause
    found = raised(UnusableCa("/etc/vaultops/ca.crt", PermissionError(errno.EACCES, "Permission denied")))
    assert found.reach == "ca_file"
    assert "/etc/vaultops/ca.crt can't be used (Permission denied)" in found.cause


def test_an_error_of_ours_passes_as_it_is():
    ours = VaultError("vault-2", "it is another", status=400)

    def action() -> t.NoReturn:
        raise ours

    with pytest.raises(VaultError) as caught:
        call("vault-1", action)
    assert caught.value is ours


def test_what_is_no_failure_of_a_call_is_not_dressed_as_one():
    def action() -> t.NoReturn:
        raise KeyError("data")

    with pytest.raises(KeyError):
        call("vault-1", action)


@pytest.mark.parametrize(
    ("links", "reach"),
    [
        ([], "broken"),
        ([OSError("?")], "broken"),
        # The certificate counts whatever came of it.
        ([ConnectionRefusedError(), ssl.SSLCertVerificationError()], "tls"),
        # The first that says something counts.
        ([TimeoutError(), ConnectionRefusedError()], "timeout"),
        ([ConnectionRefusedError(), TimeoutError()], "refused"),
        # Its kind is one of a timeout that it had no part in.
        ([new_connection(ConnectionRefusedError()), ConnectionRefusedError()], "refused"),
    ],
)
def test_the_first_link_that_says_something_decides(links, reach):
    assert reach_of(links) == reach


def test_a_status_is_an_answer_and_nothing_is_known_without_either():
    assert VaultError("a", "b", status=503).reach == "answered"
    assert VaultError("a", "b").reach is None
    assert VaultError("a", "b", status=503, reach="broken").reach == "broken"


AT = "sys/audit"
WHEN = "2026-11-24T10:00:00Z"
DEVICES = {"devices": {"file": {"type": "file"}}}


def failure(connection, **more):
    client = Cluster(Connection(**{**connection, **more})).client("vault-1")
    with pytest.raises(VaultError) as caught:
        call("vault-1", lambda: client.adapter.get(f"/v1/{AT}"))
    return caught.value


def test_a_listener_without_tls_is_broken_and_not_unroutable(connection):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        error = failure(connection, nodes={"vault-1": f"https://127.0.0.1:{server.server_address[1]}"})
        server.shutdown()
    assert error.reach == "broken"


@pytest.mark.parametrize("status", [401, 405, 412, 429, 472, 473, 500, 502, 530])
def test_a_refusal_has_the_status_of_its_answer(vault, connection, status):
    vault.faults[AT] = status, b'{"errors": ["one thing"]}'
    assert failure(connection).status == status


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"'])
def test_a_refusal_whose_json_is_no_object_is_an_error_in_words(vault, connection, body):
    vault.faults[AT] = 503, body
    assert failure(connection).reach == "answered"


def test_such_a_node_is_data_to_status_info(vault, connection, run_module):
    vault.faults["sys/seal-status"] = 500, b"null"
    assert run_module(vault_status_info, **connection)["nodes"][0]["state"] == "unreachable"


@pytest.mark.long
@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"])
@pytest.mark.parametrize(
    ("module", "path", "more"),
    [
        (vault_audit, AT, DEVICES),
        (vault_audit, "auth/cert/login", DEVICES),
        (vault_cert_role, "sys/auth", "role"),
        (vault_cert_role, "sys/policies/acl/x", "role"),
        (vault_canary, "sys/policies/acl/vaultops-canary", "canary"),
        (vault_raft_autopilot, "sys/storage/raft/autopilot/configuration", {"min_quorum": 3}),
        (vault_write_check, "cubbyhole/vaultops-write-check", {}),
        (vault_raft_info, "sys/storage/raft/configuration", {}),
        (vault_cert_crl, "auth/cert/crls", "crl"),
    ],
)
def test_a_200_that_is_not_vaults_is_an_error_in_words(
    vault, as_operator, run_module, certificates, module, path, more, body
):
    more = (
        {
            "role": {"name": "x", "policy": "p", "dns_names": ["a"], "client_ca": certificates.path("ca.crt")},
            "canary": {
                "state": "found",
                "before": "2026-11-24T10:00:00Z",
                "until": "2026-11-24T10:00:00Z",
                "records": {},
                "on_nodes": {"vault-1": None},
                "of_nodes": 1,
            },
            "crl": {
                "client_ca": certificates.path("ca.crt"),
                "replaced": [],
                "signed_by": {"alias": "alias/ca", "required_tags": {}, "region": "eu-central-1"},
            },
        }.get(more, more)
        if isinstance(more, str)
        else more
    )
    vault.kept["sys/auth/cert"] = {"type": "cert"}
    vault.faults[path] = 200, body
    assert "is not Vault" in run_module(module, **as_operator, **more)["msg"]
