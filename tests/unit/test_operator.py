"""The cluster's identities: who writes them, in which order, and when root is given up. Against a stand-in on loopback."""

from __future__ import annotations

import http.server
import json
import re
import secrets
import ssl
import sys
import threading
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import sinks
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state
from ansible_collections.vaultops.cluster.plugins.modules import (
    vault_audit,
    vault_cert_crl,
    vault_cert_role,
    vault_operator,
)
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from issue import issue, pem  # noqa: E402

OPERATOR, ADMIN, STATUS = "vaultops-operator", "vaultops-admin", "vaultops-status"
ROOT = "root-token"


class Vault:
    """As far as identities go. Who has a policy with sys/* in it may do everything; others may read, and change no policy."""

    def __init__(self, folder: Path, ca: tuple[t.Any, x509.Certificate]) -> None:
        self.policies: dict[str, str] = {}
        self.roles: dict[str, dict[str, t.Any]] = {}
        self.crls: dict[str, set[int]] = {}
        self.devices: dict[str, t.Any] = {}
        self.has_cert_auth = False
        self.tokens = {ROOT: ["root"]}
        self.logins: list[str] = []
        self.events: list[str] = []
        self.broken: set[str] = set()  # roles that nobody can log in as
        key, leaf = issue("vault-1", ["127.0.0.1"], *ca)
        (folder / "server.crt").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        (folder / "server.key").write_bytes(pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
        context.load_verify_locations(folder / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.server.server_address[1]}"

    def login(self, role: str, certificate: dict[str, t.Any] | None) -> str | None:
        found = self.roles.get(role)
        name = dict(pair[0] for pair in (certificate or {}).get("subject", ())).get("commonName")
        serial = int((certificate or {"serialNumber": "0"})["serialNumber"], 16)
        if not found or role in self.broken or name not in found["allowed_common_names"]:
            return None
        if any(serial in crl for crl in self.crls.values()):
            return None
        token = secrets.token_hex(8)
        self.tokens[token] = ["default", *found["token_policies"]]
        self.logins.append(role)
        return token

    def may(self, token: str, verb: str, path: str) -> bool:
        policies = self.tokens[token]
        if "root" in policies or any("sys/*" in self.policies.get(name, "") for name in policies):
            return True
        return verb == "read" and any(f'"{path}"' in self.policies.get(name, "") for name in policies)

    def answer(self, verb: str, path: str, body: dict[str, t.Any], token: str, peer: t.Any) -> tuple[int, t.Any]:
        if path == "sys/leader":
            return 200, {"is_self": True}
        if path == "auth/cert/login":
            made = self.login(body["name"], peer) if self.has_cert_auth else None
            return (
                (200, {"auth": {"client_token": made}})
                if made
                else (400 if self.has_cert_auth else 403, {"errors": []})
            )
        if token not in self.tokens:
            return 403, {"errors": ["bad token"]}
        if path == "auth/token/revoke-self":
            self.events.append(f"revoke {token}") if token == ROOT else None
            del self.tokens[token]
            return 204, {}
        if path == "auth/token/lookup-self":
            return 200, {"data": {"policies": self.tokens[token]}}
        if path == "sys/capabilities-self":
            able = {one: ["create", "update"] if self.may(token, "write", one) else ["deny"] for one in body["paths"]}
            return 200, {"data": able}
        if not self.may(token, verb, path):
            return 403, {"errors": ["permission denied"]}
        if verb == "write":
            self.events.append(f"write {path}")
        return self.kept(verb, path, body)

    def kept(self, verb: str, path: str, body: dict[str, t.Any]) -> tuple[int, t.Any]:
        name = path.rpartition("/")[2]
        if path == "sys/auth":
            return 200, {"data": {"token/": {}, **({"cert/": {}} if self.has_cert_auth else {})}}
        if path == "sys/auth/cert":
            self.has_cert_auth = True
            return 204, {}
        if path == "sys/audit":
            return 200, {"data": self.devices}
        if path.startswith("sys/audit/"):
            self.devices[f"{name}/"] = {**body, "path": f"{name}/"}
            return 204, {}
        if path == "auth/cert/crls":
            return (200, {"data": {"keys": sorted(self.crls)}}) if self.crls else (404, {"errors": []})
        if path.startswith("auth/cert/crls/"):
            if verb == "write":
                self.crls[name] = authority.serials_of(x509.load_pem_x509_crl(body["crl"].encode()))
                return 204, {}
            return 200, {"data": {"serials": {str(serial): {} for serial in self.crls[name]}}}
        store: dict[str, t.Any] = self.policies if path.startswith("sys/policies/") else self.roles
        if verb == "write":
            store[name] = body["policy"] if store is self.policies else body
            return 204, {}
        if name not in store:
            return 404, {"errors": []}
        return 200, {"data": {"policy": store[name]} if store is self.policies else store[name]}


def handler(vault: Vault) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: t.Any) -> None:
            pass

        def _serve(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            verb = "read" if self.command == "GET" else "write"
            path = self.path.removeprefix("/v1/").partition("?")[0]
            token = str(self.headers.get("X-Vault-Token") or "")
            status, content = vault.answer(
                verb, path, body, token, t.cast(ssl.SSLSocket, self.connection).getpeercert()
            )
            data = b"" if status == 204 else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815

    return Handler


@pytest.fixture
def ca(tmp_path):
    made = issue("a CA", [], None, None)
    (tmp_path / "ca.crt").write_bytes(made[1].public_bytes(serialization.Encoding.PEM))
    (tmp_path / "ca.key").write_bytes(pem(made[0]))
    return made


@pytest.fixture
def vault(tmp_path, ca):
    running = Vault(tmp_path, ca)
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def options(tmp_path, ca, vault):
    """What every module gets: the operator's and the admin's certificates."""
    for name in (OPERATOR, ADMIN, STATUS):
        key, leaf = issue(name, [name], *ca)
        (tmp_path / f"{name}.crt").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        (tmp_path / f"{name}.key").write_bytes(pem(key))
    return {
        "nodes": {"vault-1": vault.address},
        "ca_cert": str(tmp_path / "ca.crt"),
        "client_ca": str(tmp_path / "ca.crt"),
        **files(tmp_path, "cert_auth", OPERATOR),
        **files(tmp_path, "admin", ADMIN),
    }


def files(folder, prefix, name):
    return {f"{prefix}_public_key": str(folder / f"{name}.crt"), f"{prefix}_private_key": str(folder / f"{name}.key")}


@pytest.fixture
def set_up(tmp_path, options, run_module, monkeypatch):
    """Runs vault_operator; custody is a file that holds the root token."""

    class Sink:
        def read(self):
            return json.loads((tmp_path / "custody").read_text())

        def replace(self, record):
            (tmp_path / "custody").write_text(json.dumps(record))

    monkeypatch.setattr(sinks, "open_sink", lambda _options, _name: Sink())
    (tmp_path / "custody").write_text(json.dumps({"root_token": ROOT, "root_token_pgp": False}))

    def run(check=False, root=False, **more):
        custody = {"custody": {"sink": "pgp", "path": "x", "journal": "y"}} if root else {}
        own = {name: value for name, value in {**options, **custody, **more}.items() if value is not None}
        return run_module(vault_operator, check, cluster_name="prod", **files(tmp_path, "status", STATUS), **own)

    return run


def wide(vault):
    """A cluster of an earlier release: one operator, who may do everything."""
    vault.has_cert_auth = True
    vault.policies[OPERATOR] = state.ADMIN_POLICY
    vault.roles[OPERATOR] = {"allowed_common_names": [OPERATOR], "token_policies": [OPERATOR]}


def narrow(vault) -> bool:
    return vault.policies[OPERATOR].strip() == state.OPERATOR_POLICY.strip()


def test_root_makes_the_identities_and_is_given_up_last(vault, set_up):
    assert set_up(check=True, root=True)["steps"][0] == "cert_auth"
    assert vault.events == []
    said = set_up(root=True)
    assert said["changed"], said
    assert said["root_token_revoked"]
    assert vault.events[-1] == f"revoke {ROOT}"
    assert {OPERATOR, ADMIN, STATUS} <= set(vault.logins), "each is proven before root is given up"
    assert narrow(vault)
    writes = [event for event in vault.events if ADMIN in event or OPERATOR in event]
    assert ADMIN in writes[0]
    assert ADMIN in writes[1]
    assert set(vault.tokens) == set()


@pytest.mark.parametrize("broken", [OPERATOR, ADMIN, STATUS])
def test_root_is_kept_while_an_identity_can_not_log_in(vault, set_up, broken):
    vault.broken.add(broken)
    said = set_up(root=True)
    assert said["failed"]
    assert f"'{broken}' can't log in" in said["msg"]
    assert ROOT in vault.tokens


def test_where_nothing_differs_only_the_operator_logs_in(vault, set_up):
    set_up(root=True)
    vault.logins.clear()
    vault.events.clear()
    assert not set_up()["changed"]
    assert set(vault.logins) == {OPERATOR}
    assert vault.events == []


def test_what_differs_is_written_by_the_admin(vault, set_up):
    set_up(root=True)
    vault.policies[STATUS] = "# nothing"
    vault.events.clear()
    said = set_up()
    assert said["steps"] == [f"policy {STATUS}"]
    assert vault.events == [f"write sys/policies/acl/{STATUS}"]
    assert vault.logins.count(ADMIN) > 0


def test_a_wide_operator_makes_the_admin_and_is_narrowed_by_it(vault, set_up):
    wide(vault)
    assert set_up()["changed"]
    assert narrow(vault)
    assert vault.events[0] == f"write sys/policies/acl/{ADMIN}"
    assert not set_up()["changed"]


def test_a_wide_operator_stays_what_he_is_while_the_admin_can_not_log_in(vault, set_up):
    wide(vault)
    vault.broken.add(ADMIN)
    assert "'vaultops-admin' can't log in with" in set_up()["msg"]
    assert not narrow(vault)
    vault.broken.clear()
    assert set_up()["changed"]
    assert narrow(vault)


def test_without_an_admin_a_wide_operator_is_left_with_a_warning(vault, set_up, monkeypatch):
    warnings = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text, **_more: warnings.append(text))
    wide(vault)
    set_up(admin_public_key=None, admin_private_key=None)
    assert "may still write policies" in warnings[0]
    assert not narrow(vault)
    assert not set_up(admin_public_key=None, admin_private_key=None)["changed"]


def test_who_can_not_be_anybody_is_told_so(vault, set_up):
    said = set_up(check=True)
    assert said["failed"]
    assert "can't log in, and custody holds no root token" in said["msg"]


def test_a_token_that_was_given_writes_and_is_kept(vault, set_up):
    assert set_up(token=ROOT)["changed"]
    assert narrow(vault)
    assert ROOT in vault.tokens


def test_a_certificate_that_can_not_be_read_is_said_in_words(vault, set_up, options, tmp_path):
    folder = tmp_path / "folder.crt"
    folder.mkdir()
    said = set_up(cert_auth_public_key=str(folder))
    assert said["failed"]
    assert f"{folder}, with which '{OPERATOR}' logs in, can't be read" in said["msg"]


@pytest.mark.parametrize("module", [vault_audit, vault_cert_role])
def test_others_write_as_the_admin_too(vault, set_up, options, run_module, module):
    set_up(root=True)
    own = {name: value for name, value in options.items() if module is vault_cert_role or name != "client_ca"}
    more = (
        {"devices": {"file": {"type": "file", "options": {"file_path": "/x"}}}}
        if module is vault_audit
        else {"name": "vaultops-backup", "policy": "# none", "dns_names": ["vault-1"]}
    )
    vault.logins.clear()
    assert run_module(module, True, **own, **more)["changed"]
    assert ADMIN not in vault.logins
    assert run_module(module, **own, **more)["changed"]
    assert ADMIN in vault.logins
    vault.logins.clear()
    assert not run_module(module, **own, **more)["changed"]
    assert set(vault.logins) == {OPERATOR}
    vault.roles.pop(ADMIN)
    vault.devices.clear()
    vault.roles.pop("vaultops-backup", None)
    said = run_module(module, **own, **more)
    assert said["failed"]
    assert "something has to be written, and the identity 'vaultops-admin' can't log in" in said["msg"]


# --- revoked


def kept(tmp_path, ca, days=3):
    (tmp_path / "replaced").mkdir(exist_ok=True)
    _key, leaf = issue(OPERATOR, [OPERATOR], *ca, days=days)
    path = tmp_path / "replaced" / f"{leaf.serial_number:x}.crt"
    path.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    return leaf.serial_number, path


def test_what_was_replaced_is_put_on_the_list_and_leaves_it_when_it_has_expired(
    tmp_path, ca, vault, set_up, options, run_module
):
    set_up(root=True)

    def push(check=False, **more):
        own = {"ca_key": str(tmp_path / "ca.key"), "replaced_dir": str(tmp_path / "replaced")}
        return run_module(vault_cert_crl, check, **options, **{**own, **more})

    assert not push()["changed"], "a directory that is not there is an empty one"
    serial, path = kept(tmp_path, ca)
    expired, old = kept(tmp_path, ca, days=-1)
    vault.crls["vaultops"] = {7, expired}
    assert push(check=True)["changed"]
    assert vault.crls["vaultops"] == {7, expired}
    said = push()
    assert said["revoked"] == [f"{number:x}" for number in sorted({7, serial})]
    assert vault.crls["vaultops"] == {7, serial}, "what somebody else put there stays"
    assert path.exists()
    assert not old.exists()
    vault.logins.clear()
    assert not push()["changed"]
    assert set(vault.logins) == {OPERATOR}


def test_what_a_node_still_serves_is_not_revoked(tmp_path, ca, vault, set_up, options, run_module):
    set_up(root=True)
    (tmp_path / "replaced").mkdir()
    (tmp_path / "replaced/vault-1.crt").write_bytes((tmp_path / "server.crt").read_bytes())
    said = run_module(
        vault_cert_crl, **options, ca_key=str(tmp_path / "ca.key"), replaced_dir=str(tmp_path / "replaced")
    )
    assert not said["changed"], said


def test_a_list_of_another_ca_locks_nobody_out(tmp_path, ca, vault, set_up, options, run_module):
    set_up(root=True)
    other = issue("another CA", [], None, None)
    now = x509.load_pem_x509_certificate((tmp_path / "server.crt").read_bytes()).not_valid_before_utc
    for signer, refused in [(other, True), (ca, False)]:
        (tmp_path / "crl").write_text(authority.crl(signer[1], signer[0], {9}, now))
        said = run_module(vault_cert_crl, **options, crl_file=str(tmp_path / "crl"))
        assert bool(said.get("failed")) is refused, said
    assert vault.crls["vaultops"] == {9}


# --- pure


def test_the_operators_policy_names_no_path_twice_and_no_wildcard():
    for policy in (state.OPERATOR_POLICY, state.STATUS_POLICY):
        paths = re.findall(r'^path "([^"]+)"', policy, re.MULTILINE)
        assert len(paths) == len(set(paths)), "Vault refuses a policy with a path that is there twice"
        assert not [path for path in paths if "*" in path or "+" in path]


writable = st.sampled_from([["root"], ["create", "update"], ["create", "read", "update"]])
refused = st.sampled_from([None, [], ["deny"], ["read"], ["update"], ["create"], "root"])


@given(st.dictionaries(st.sampled_from(state.written([ADMIN, OPERATOR])), refused, min_size=1))
def test_who_may_not_write_one_of_the_paths_is_no_writer(some):
    rest = dict.fromkeys(state.written([ADMIN, OPERATOR]), ["create", "update"])
    assert state.may_write(rest, [ADMIN, OPERATOR])
    assert not state.may_write({**rest, **some}, [ADMIN, OPERATOR])


@given(st.dictionaries(st.sampled_from(state.written([ADMIN, OPERATOR])), writable))
def test_who_may_write_them_all_is(some):
    everything = set(some) == set(state.written([ADMIN, OPERATOR]))
    assert state.may_write(some, [ADMIN, OPERATOR]) is everything
