#!/usr/bin/env python3
"""A stand-in for one Vault node, as far as its snapshots, settings, seal and recovery keys go, over TLS with a client
certificate, on 127.0.0.1.

What a real one can hardly be made to do on demand: break a stream off behind a 200, lose its leadership, stall, answer with
anything but Vault's words.

    with VaultStandIn(Certificates(folder), archive) as vault:
        vault.body = cut_off(archive, 1000)
        vault.faults["sys/audit"] = 500, b"<html>"
        ...
    assert vault.tokens == set()
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import http.server
import io
import ipaddress
import json
import os
import secrets
import signal
import ssl
import tarfile
import threading
import typing as t
import zlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kit.certificates import identified
from kit.recovery import Recovery

CLUSTER_ID = "7f0c1f9e-0000-4000-8000-000000000001"
SERVER_NAME = "vault.test.internal"
CHUNK_BYTES = 64 << 10
# What any token may read and write here.
AUTOPILOT_AT = "sys/storage/raft/autopilot/configuration"
PEERS_AT, PEERS_HEALTH_AT = "sys/storage/raft/configuration", "sys/storage/raft/autopilot/state"
REMOVE_PEER = "sys/storage/raft/remove-peer"
RAFT = (AUTOPILOT_AT, PEERS_AT, PEERS_HEALTH_AT, REMOVE_PEER)
CATALOG = "sys/plugins/catalog"
KEPT = (
    "cubbyhole/",
    "sys/policies/acl",
    "sys/audit",
    "sys/auth",
    "sys/mounts",
    CATALOG,
    "auth/cert/certs/",
    "auth/cert/crls",
    *RAFT,
)
AUTOPILOT = {
    "cleanup_dead_servers": False,
    "dead_server_last_contact_threshold": "24h0m0s",
    "disable_upgrade_migration": False,
    "last_contact_threshold": "10s",
    "max_trailing_logs": 1000,
    "min_quorum": 0,
    "server_stabilization_time": "10s",
}
# Answered while it is sealed, too.
OF_THE_SEAL = ("/v1/sys/health", "/v1/sys/seal-status", "/v1/sys/unseal")
OF_RECOVERY = ("/v1/sys/rekey-recovery-key/", "/v1/sys/generate-root/")
# As a real one, these are answered whatever its audit devices do.
NOT_AUDITED = (*OF_THE_SEAL, "/v1/sys/leader")
Body = t.Callable[[], t.Iterator[bytes]]


class Certificates:
    """A CA, a server and a client, as PEM files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ca_key, self._ca = self._make("ca", None)
        self._make("server", SERVER_NAME)
        self._make("client", "client.test.internal")

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def _make(self, name: str, dns: str | None) -> tuple[t.Any, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        builder = x509.CertificateBuilder(subject_name=subject, public_key=key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - day)
        builder = builder.not_valid_after(now + 30 * day)
        builder = builder.issuer_name(self._ca.subject if dns else subject)
        builder = builder.add_extension(x509.BasicConstraints(ca=not dns, path_length=None), critical=True)
        if dns:
            names = x509.SubjectAlternativeName([x509.DNSName(dns), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
            builder = builder.add_extension(names, critical=False)
        signs = self._ca_key if dns else key
        builder = identified(builder, key.public_key(), signs.public_key(), not dns)
        certificate = builder.sign(signs, hashes.SHA256())
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem = serialization.PrivateFormat.PKCS8
        text = key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption())
        (self.folder / f"{name}.key").write_bytes(text)
        return key, certificate


def archive(state: bytes, index: int = 41, **replaced: bytes | None) -> bytes:
    """A snapshot as Vault makes it, with members replaced, or left out (None); their dots are written '__'."""
    meta = json.dumps({"Version": 1, "ID": "x", "Index": index, "Term": 3, "Size": len(state)}).encode()
    content = {"meta.json": meta, "state.bin": state}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in content.items()).encode()
    content |= {"SHA256SUMS": sums, "SHA256SUMS.sealed": b"sealed" * 20}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, data in {**content, **{name.replace("__", "."): data for name, data in replaced.items()}}.items():
            if data is not None:
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return compress(plain.getvalue())


def compress(data: bytes) -> bytes:
    """Stored, as gzip stores what does not shrink: a byte of the result is a byte of the content."""
    deflate = zlib.compressobj(0, wbits=31)
    return deflate.compress(data) + deflate.flush()


def write_big_archive(path: Path, state_bytes: int) -> None:
    """The same with a state that does not shrink, written as a stream."""
    mib = 1 << 20
    block = os.urandom(mib)
    digest = hashlib.sha256()
    for _ in range(state_bytes // mib):
        digest.update(block)
    meta = json.dumps({"Version": 1, "ID": "x", "Index": 41, "Term": 3, "Size": state_bytes}).encode()
    sums = f"{hashlib.sha256(meta).hexdigest()}  meta.json\n{digest.hexdigest()}  state.bin\n".encode()
    deflate = zlib.compressobj(0, wbits=31)

    def header(name: str, size: int) -> bytes:
        entry = tarfile.TarInfo(name)
        entry.size = size
        return entry.tobuf(tarfile.USTAR_FORMAT)

    with open(path, "wb") as stream:
        small = {"meta.json": meta, "SHA256SUMS": sums, "SHA256SUMS.sealed": b"sealed"}
        for name in ("meta.json", "state.bin", "SHA256SUMS", "SHA256SUMS.sealed"):
            if name == "state.bin":
                stream.write(deflate.compress(header(name, state_bytes)))
                for _ in range(state_bytes // mib):
                    stream.write(deflate.compress(block))
            else:
                data = small[name]
                stream.write(deflate.compress(header(name, len(data)) + data + bytes(-len(data) % 512)))
        stream.write(deflate.compress(bytes(1024)))
        stream.write(deflate.flush())


def whole(data: bytes) -> Body:
    return lambda: (data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES))


def cut_off(data: bytes, at: int) -> Body:
    """A clean end of the stream, in the wrong place."""
    return whole(data[:at])


def dropped(data: bytes, at: int) -> Body:
    """The connection goes in the middle of a chunk."""

    def body() -> t.Iterator[bytes]:
        yield from whole(data[:at])()
        raise ConnectionAbortedError

    return body


def from_file(path: Path) -> Body:
    def body() -> t.Iterator[bytes]:
        with open(path, "rb", buffering=0) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    return body


class VaultStandIn:
    """One node. Its attributes may be changed while it runs."""

    def __init__(self, certificates: Certificates, body: Body, port: int = 0, flavour: str = "vault") -> None:
        self.body = body
        # OpenBao has no code for a removed node, and no audit device that its API enables.
        self.flavour = flavour
        self.built = {"commit_date" if flavour == "openbao" else "build_date": "2026-08-18T12:00:00Z"}
        self.active: t.Callable[[], bool] = lambda: True
        self.cluster_id = CLUSTER_ID
        self.snapshot_status = 200
        self.login_status = 200
        self.revoke_status = 204
        self.tokens: set[str] = set()
        self.calls: list[str] = []
        self.initialized, self.sealed = True, False
        # It has the version, by which it wants a token or none.
        self.recovery = Recovery(flavour=flavour)
        # Of which kind its configuration's seal is, whether what is stored has another, and which keys open it, three together.
        self.seal_type, self.migrating = "awskms", False
        self.unseal_keys: list[str] = []
        self.given: list[str] = []
        # By path, without /v1/: what was written. Nodes of one cluster share it, and the tokens.
        self.crl_as_written = ""
        self.kept: dict[str, t.Any] = {"sys/auth/token": {"type": "token"}, AUTOPILOT_AT: dict(AUTOPILOT)}
        self.writes: list[str] = []
        # The path after whose call it says that it is no member of the cluster any more.
        self.removed_by = ""
        # By path, without /v1/: status and body of the answer, whatever was asked; None ends the connection without one.
        self.faults: dict[str, tuple[int, bytes] | None] = {}
        # Whether a request that is audited waits for an audit device, and what ends the waiting.
        self.audit_blocked = False
        self._ended = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificates.path("server.crt"), certificates.path("server.key"))
        tls.load_verify_locations(certificates.path("ca.crt"))
        tls.verify_mode = ssl.CERT_OPTIONAL
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        # A connection that is gone before it is taken would have the server wait for the next one, and never see its end.
        self._server.socket.settimeout(1)

    def wait_for_the_end(self) -> None:
        self._ended.wait()

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def __enter__(self) -> VaultStandIn:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(vault: VaultStandIn) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body are two packets: the second one would wait for the first one's acknowledgement, 40 ms a request.
        disable_nagle_algorithm = True

        def log_message(self, *_arguments: t.Any) -> None:
            pass

        def do_GET(self) -> None:  # noqa: N802
            path, _, query = self.path.partition("?")
            vault.calls.append(path)
            if self._fails(path):
                return
            if path == "/v1/sys/leader":
                self._json(200, {"ha_enabled": True, "is_self": vault.active(), "raft_committed_index": 41})
            elif path == "/v1/sys/health":
                self._json(self._health("standbyok=true" in query), self._seal())
            elif path == "/v1/sys/seal-status":
                self._json(200, {**self._seal_status(), **vault.built})
            elif path == "/v1/sys/internal/ui/mounts":
                self._json(200, {"data": {"auth": {}, "secret": {}}})
            elif path.startswith("/v1/") and path[4:].startswith(KEPT):
                self._kept(path[4:], None)
            elif path == "/v1/sys/storage/raft/snapshot":
                self._snapshot()
            elif path.startswith(OF_RECOVERY):
                self._recovery("read", path, {})
            else:
                self._json(404, {"errors": []})

        def do_POST(self) -> None:  # noqa: N802
            vault.calls.append(self.path)
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self._fails(self.path):
                return
            body = json.loads(sent or b"{}")
            if self.path == "/v1/auth/cert/login":
                if (
                    vault.login_status != 200
                    or not t.cast(ssl.SSLSocket, self.connection).getpeercert()
                    or not body["name"]
                ):
                    self._json(
                        vault.login_status if vault.login_status != 200 else 400, {"errors": ["no role matches"]}
                    )
                    return
                token = f"hvs.{secrets.token_hex(12)}"
                vault.tokens.add(token)
                self._json(200, {"auth": {"client_token": token}})
            elif self.path == "/v1/sys/unseal":
                self._unseal(body)
            elif self.path == "/v1/auth/token/revoke-self":
                if vault.revoke_status == 204:
                    vault.tokens.discard(str(self.headers.get("X-Vault-Token")))
                self._json(vault.revoke_status, {})
            elif self.path[4:].startswith(KEPT):
                self._kept(self.path[4:], body)
            elif self.path.startswith(OF_RECOVERY):
                self._recovery("write", self.path, body)
            else:
                self._json(404, {"errors": []})

        do_PUT = do_POST  # noqa: N815

        def do_DELETE(self) -> None:  # noqa: N802
            vault.calls.append(self.path)
            path = self.path[4:]
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self._fails(self.path):
                return
            if self.path.startswith(OF_RECOVERY):
                self._recovery("delete", self.path, json.loads(sent or b"{}"))
                return
            if str(self.headers.get("X-Vault-Token")) not in vault.tokens:
                self._json(403, {"errors": ["permission denied"]})
                return
            vault.writes.append(path)
            vault.kept.pop(path, None)
            self._json(204, {})

        def _health(self, standby_is_well: bool) -> int:
            if not vault.initialized:
                return 501
            if vault.removed_by in vault.calls and vault.flavour == "vault":
                return 530
            return 503 if vault.sealed else 200 if vault.active() or standby_is_well else 429

        def _recovery(self, verb: str, path: str, body: dict[str, t.Any]) -> None:
            has_token = self.headers.get("X-Vault-Token") in vault.tokens
            self._json(*vault.recovery.answer(verb, path[4:], body, has_token))

        def _seal(self) -> dict[str, t.Any]:
            seal = {"initialized": vault.initialized, "sealed": vault.sealed or not vault.initialized}
            joined = {"cluster_id": vault.cluster_id, "cluster_name": "x"} if not seal["sealed"] else {}
            return {**seal, **joined, "version": vault.recovery.shown}

        def _seal_status(self) -> dict[str, t.Any]:
            counted = {"t": 3, "n": 5, "progress": len(vault.given)} if vault.unseal_keys else {}
            return {**self._seal(), **counted, "type": vault.seal_type, "migration": vault.migrating}

        def _unseal(self, body: dict[str, t.Any]) -> None:
            """As a real one: a right key beside a wrong one opens nothing, and what was given before counts until it is reset."""
            if body.get("reset"):
                vault.given = []
            elif bool(body.get("migrate")) != vault.migrating:
                self._json(500, {"errors": ["can't perform a seal migration, no migration seal found"]})
                return
            elif body["key"] not in vault.given:
                vault.given.append(body["key"])
            if len(vault.given) == 3:
                given, vault.given = vault.given, []
                if not set(given) <= set(vault.unseal_keys):
                    self._json(400, {"errors": ["cipher: message authentication failed"]})
                    return
                vault.sealed = False
            self._json(200, self._seal_status())

        def _fails(self, path: str) -> bool:
            """Answer as a node does that is not well."""
            if vault.audit_blocked and path not in NOT_AUDITED:
                vault.wait_for_the_end()
                self.close_connection = True
                return True
            if path[4:] in vault.faults:
                fault = vault.faults[path[4:]]
                if fault is None:
                    self.close_connection = True
                else:
                    self._send(fault[0], fault[1])
                return True
            if (vault.sealed or not vault.initialized) and path not in OF_THE_SEAL:
                self._json(503, {"errors": ["Vault is sealed"]})
                return True
            return False

        def _kept(self, path: str, written: dict[str, t.Any] | None) -> None:
            token = str(self.headers.get("X-Vault-Token"))
            if token not in vault.tokens:
                self._json(403, {"errors": ["permission denied"]})
                return
            place = f"{token}:{path}" if path.startswith("cubbyhole/") else path
            if written is not None:
                refused = self._refused(path, written)
                if refused:
                    self._json(400, {"errors": [refused]})
                    return
                vault.writes.append(path)
                self._keep(place, written)
                self._json(204, {})
            elif path == "auth/cert/crls":
                names = [name.rpartition("/")[2] for name in vault.kept if name.startswith("auth/cert/crls/")]
                self._json(200 if names else 404, {"data": {"keys": names}} if names else {"errors": []})
            elif path == "sys/policies/acl":
                names = [name.removeprefix(f"{path}/") for name in vault.kept if name.startswith(f"{path}/")]
                self._json(200, {"data": {"keys": ["default", *sorted(names), "root"]}})
            elif path in ("sys/audit", "sys/auth", "sys/mounts"):
                under = {name.removeprefix(f"{path}/"): one for name, one in vault.kept.items() if f"{path}/" in name}
                self._json(200, {"data": {f"{name}/": {**one, "path": f"{name}/"} for name, one in under.items()}})
            elif place in vault.kept:
                self._json(200, {"data": vault.kept[place]})
            else:
                self._json(404, {"errors": []})

        def _keep(self, place: str, written: dict[str, t.Any]) -> None:
            if place == AUTOPILOT_AT:
                vault.kept[place] |= written
            elif place == REMOVE_PEER:
                peers = vault.kept[PEERS_AT]["config"]["servers"]
                peers[:] = [peer for peer in peers if peer["node_id"] != written["server_id"]]
            elif place.startswith("auth/cert/crls/"):
                revoked = x509.load_pem_x509_crl(written["crl"].encode())
                vault.kept[place] = {"serials": {str(one.serial_number): {} for one in revoked}}
                vault.crl_as_written = written["crl"]
            else:
                vault.kept[place] = written

        def _refused(self, path: str, written: dict[str, t.Any]) -> str | None:
            if path.startswith("sys/audit/") and vault.flavour == "openbao":
                return (
                    "cannot enable audit device via API; use declarative, config-based audit device management instead"
                )
            if path.startswith(("sys/audit/", "sys/auth/")) and path in vault.kept:
                return "path already in use: invalid configuration"
            if path.startswith("sys/audit/") and written["type"] not in ("file", "socket", "syslog"):
                return f'unknown backend type: "{written["type"]}": invalid configuration'
            if path == AUTOPILOT_AT and "disable_upgrade_migration" in written:
                return "disable_upgrade_migration is only available in Vault Enterprise"
            return None

        def _snapshot(self) -> None:
            if self.headers.get("X-Vault-Token") not in vault.tokens:
                self._json(403, {"errors": ["permission denied"]})
                return
            if vault.snapshot_status != 200:
                self._json(vault.snapshot_status, {"errors": ["1 error occurred"]})
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/gzip")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for chunk in vault.body():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True

        def _json(self, status: int, content: dict[str, t.Any]) -> None:
            self._send(status, b"" if status == 204 else json.dumps(content).encode())

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path, help="certificates are written here; 'address' says where it listens")
    options = parser.parse_args()
    vault = VaultStandIn(Certificates(options.folder), from_file(options.archive))
    partial = options.folder / "address.partial"
    partial.write_text(vault.address)
    partial.rename(options.folder / "address")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    vault.serve()


if __name__ == "__main__":
    main()
