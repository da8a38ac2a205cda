"""A Vault as far as its identities go."""

from __future__ import annotations

import base64
import http.server
import json
import re
import secrets
import ssl
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.principals import principal
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import sinks
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import state
from ansible_collections.vaultops.cluster.plugins.modules import vault_operator
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kit.certificates import issue, pem
from kit.recovery import Recovery

OPERATOR, ADMIN, STATUS = "vaultops-operator", "vaultops-admin", "vaultops-status"


ROOT = "root-token"
SECRET, SESSION = "a-secret-access-key", "a-session-token"
ME = "arn:aws:sts::123456789012:assumed-role/platform/somebody"
MY_ROLE = "arn:aws:iam::123456789012:role/platform"


class Vault:
    """As far as identities go. Who has a policy with sys/* in it may do everything; others may read, and change no policy."""

    def __init__(self, folder: Path, ca: tuple[t.Any, x509.Certificate]) -> None:
        self.policies: dict[str, str] = {}
        self.roles: dict[str, dict[str, t.Any]] = {}
        self.crls: dict[str, set[int]] = {}
        self.devices: dict[str, t.Any] = {}
        self.has_cert_auth = self.has_aws_auth = False
        self.aws_roles: dict[str, dict[str, t.Any]] = {}
        self.aws_config: dict[str, t.Any] | None = None
        self.sts = Sts()
        self.tokens = {ROOT: ["root"]}
        self.recovery = Recovery()
        self.recovery.tell = self.tokens.__setitem__
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

    def __enter__(self):
        return self

    def __exit__(self, *_exception: t.Any) -> None:
        self.sts.end()
        self.server.shutdown()
        self.server.server_close()

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

    def iam_login(self, body: dict[str, t.Any]) -> tuple[int, t.Any]:
        """As Vault does it: what it is sent goes to STS, if the header that names this cluster was signed too."""
        headers = json.loads(base64.b64decode(body["iam_request_headers"]))
        assert base64.b64decode(body["iam_request_body"]) == b"Action=GetCallerIdentity&Version=2011-06-15"
        assert base64.b64decode(body["iam_request_url"]).decode() == f"{self.sts.url}/"
        signed = headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        wanted = (self.aws_config or {}).get("iam_server_id_header_value")
        if wanted and (headers.get("X-Vault-AWS-IAM-Server-ID") != wanted or "x-vault-aws-iam-server-id" not in signed):
            return 400, {"errors": ["error validating X-Vault-AWS-IAM-Server-ID header"]}
        status, arn = self.sts.who(headers["Authorization"])
        if status != 200:
            return 400, {"errors": [f"error making upstream request: received error code {status} from STS: {arn}"]}
        name = body["role"]
        found = self.aws_roles.get(name)
        if not found or name in self.broken:
            return 400, {"errors": [f"entry for role {name} not found"]}
        if principal(arn) not in found["bound_iam_principal_arn"]:
            return 400, {"errors": [f'IAM Principal "{arn}" does not belong to the role "{name}"']}
        token = secrets.token_hex(8)
        self.tokens[token] = ["default", *found["token_policies"]]
        self.logins.append(f"iam {name}")
        return 200, {"auth": {"client_token": token}}

    def may(self, token: str, verb: str, path: str) -> bool:
        policies = self.tokens[token]
        if "root" in policies or any("sys/*" in self.policies.get(name, "") for name in policies):
            return True
        named = [one for name in policies for one in re.findall(r'path "([^"]+)"', self.policies.get(name, ""))]
        return verb == "read" and any(path == one or (one[-1] == "*" and path.startswith(one[:-1])) for one in named)

    def answer(self, verb: str, path: str, body: dict[str, t.Any], token: str, peer: t.Any) -> tuple[int, t.Any]:
        if path == "sys/leader":
            return 200, {"is_self": True}
        if self.recovery.is_asked(path):
            return self.recovery.answer(verb, path, body, token in self.tokens and self.may(token, "write", path))
        if path == "auth/cert/login":
            made = self.login(body["name"], peer) if self.has_cert_auth else None
            return (
                (200, {"auth": {"client_token": made}})
                if made
                else (400 if self.has_cert_auth else 403, {"errors": []})
            )
        if path == "auth/aws/login":
            return self.iam_login(body) if self.has_aws_auth else (403, {"errors": ["permission denied"]})
        if token not in self.tokens:
            return 403, {"errors": ["bad token"]}
        if path == "auth/token/revoke-self":
            self.events.append(f"revoke {token}") if token == ROOT else None
            del self.tokens[token]
            return 204, {}
        if path == "auth/token/lookup-self":
            accessor = next((name for name, made in self.recovery.tokens.items() if made["id"] == token), "an-accessor")
            return 200, {"data": {"policies": self.tokens[token], "accessor": accessor}}
        if path == "sys/capabilities-self":
            able = {one: ["create", "update"] if self.may(token, "write", one) else ["deny"] for one in body["paths"]}
            return 200, {"data": able}
        if not self.may(token, verb, path):
            return 403, {"errors": ["permission denied"]}
        if verb != "read":
            self.events.append(f"{verb} {path}")
        return self.kept(verb, path, body)

    def of_tokens(self, name: str, body: dict[str, t.Any]) -> tuple[int, t.Any]:
        there = {accessor: made for accessor, made in self.recovery.tokens.items() if made["id"] in self.tokens}
        if name == "accessors":
            return 200, {"data": {"keys": sorted(there)}}
        made = there[body["accessor"]]
        if name == "lookup-accessor":
            return 200, {"data": made}
        del self.tokens[made["id"]]
        return 204, {}

    def kept(self, verb: str, path: str, body: dict[str, t.Any]) -> tuple[int, t.Any]:
        name = path.rpartition("/")[2]
        if path.startswith("auth/token/"):
            return self.of_tokens(name, body)
        if path == "sys/auth":
            there = {"token/": True, "cert/": self.has_cert_auth, "aws/": self.has_aws_auth}
            return 200, {"data": {name: {} for name, is_there in there.items() if is_there}}
        if path == "sys/auth/aws":
            self.has_aws_auth = True
            return 204, {}
        if path == "auth/aws/config/client":
            if verb == "write":
                self.aws_config = body
                return 204, {}
            more = {"access_key": "", "max_retries": -1}
            return (200, {"data": {**self.aws_config, **more}}) if self.aws_config else (404, {"errors": []})
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
        stores = {"sys/policies/acl": self.policies, "auth/aws/role": self.aws_roles, "auth/cert/certs": self.roles}
        store: dict[str, t.Any] = stores[path.rpartition("/")[0]]  # type: ignore[assignment]
        if verb == "delete":
            store.pop(name, None)
            return 204, {}
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
            verb = {"GET": "read", "DELETE": "delete"}.get(self.command, "write")
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

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    return Handler


class Sts:
    """Knows who has which access key; *refuses*: the code by which it refuses everybody."""

    def __init__(self) -> None:
        self.people = {"AKIAME": ME}
        self.refuses, self.asked = "", 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_arguments: t.Any) -> None:
                pass

            def do_POST(self) -> None:  # noqa: N802
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                own.asked += 1
                status, said = own.who(self.headers["Authorization"])
                text = (
                    f"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{said}</Arn><UserId>x</UserId>"
                    "<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
                    if status == 200
                    else f"<ErrorResponse><Error><Code>{said}</Code><Message>no</Message></Error></ErrorResponse>"
                )
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.end_headers()
                self.wfile.write(text.encode())

        own = self
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def who(self, authorization: str) -> tuple[int, str]:
        key = authorization.partition("Credential=")[2].partition("/")[0]
        if self.refuses or key not in self.people:
            return 403, self.refuses or "InvalidClientTokenId"
        return 200, self.people[key]

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def ca(tmp_path):
    made = issue("a CA", [], None, None)
    (tmp_path / "ca.crt").write_bytes(made[1].public_bytes(serialization.Encoding.PEM))
    (tmp_path / "ca.key").write_bytes(pem(made[0]))
    return made


@pytest.fixture
def vault(tmp_path, ca):
    with Vault(tmp_path, ca) as running:
        yield running


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
def by_iam(options, vault):
    """What every module gets of who logs in as an IAM principal."""
    return {
        "nodes": options["nodes"],
        "ca_cert": options["ca_cert"],
        "auth_method": "aws_iam",
        "region": "eu-central-1",
        "aws_iam_server_id": "vault.prod.internal",
        "aws_sts_endpoint": vault.sts.url,
        "aws_access_key": "AKIAME",
        "aws_secret_key": SECRET,
        "aws_security_token": SESSION,
    }


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

    def run(check=False, root=False, of=None, **more):
        """*of*: all of its options, in the place of those for certificates."""
        custody = {"custody": {"sink": "pgp", "path": "x", "journal": {"path": "y"}}} if root else {}
        given = {**files(tmp_path, "status", STATUS), **options} if of is None else of
        own = {name: value for name, value in {**given, **custody, **more}.items() if value is not None}
        return run_module(vault_operator, check, cluster_name="prod", **own)

    return run


def wide(vault):
    """A cluster of an earlier release: one operator, who may do everything."""
    vault.has_cert_auth = True
    vault.policies[OPERATOR] = state.ADMIN_POLICY
    vault.roles[OPERATOR] = {"allowed_common_names": [OPERATOR], "token_policies": [OPERATOR]}


def narrow(vault) -> bool:
    return vault.policies[OPERATOR].strip() == state.OPERATOR_POLICY.strip()
