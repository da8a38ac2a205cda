"""A Vault as far as its recovery keys and root tokens go: what is under way is in memory, and what counts is not.

Keys are words, and as many different right ones as are needed open: that they are shares of one secret is nobody's business here.
"""

from __future__ import annotations

import base64
import secrets
import time
import typing as t

CHECK_FINGERPRINT = "9064e740495ab44677c1903a00f687e853589141"
CLUSTER_ID = "7f0c1f9e-0000-4000-8000-000000000001"
Answer = tuple[int, t.Any]


def new_keys(count: int) -> list[str]:
    return [base64.b64encode(secrets.token_bytes(33)).decode() for _ in range(count)]


class Recovery:
    """*version*: as which it speaks. From 2.0 on it wants a token, but for the families of endpoints in *open*, and answers as it
    does for a secret: what it says is in data, and, unless *data_alone*, beside it. OpenBao rotates recovery keys in the place of
    a rekey, and cancels whatever is under way. It makes no root token for anybody here, as its listener does unless told."""

    def __init__(self, shares: int = 5, threshold: int = 3, flavour: str = "vault") -> None:
        self.keys, self.threshold = new_keys(shares), threshold
        self.flavour = flavour
        self.version, self.hides_version = {"vault": "1.21.1", "openbao": "2.6.2"}[flavour], False
        self.seal_type = "awskms"
        self.open: set[str] = set()
        self.data_alone = flavour == "openbao"
        self.ignores_verification = False
        self.rekey: dict[str, t.Any] | None = None
        self.root: dict[str, t.Any] | None = None
        self.calls: list[str] = []
        self.on_call: t.Callable[[str], None] = lambda _call: None
        self.tokens: dict[str, dict[str, t.Any]] = {}  # by accessor
        self.tell: t.Callable[[str, list[str]], None] = lambda _token, _policies: None

    @property
    def shown(self) -> str:
        """With redact_version a listener says nothing."""
        return "" if self.hides_version else self.version

    @property
    def guarded(self) -> bool:
        return int(self.version.partition(".")[0] or 0) >= 2

    def change_leader(self) -> None:
        """The new one has no rekey under way. A generate-root stays with the old one."""
        self.rekey = None

    def is_asked(self, path: str) -> bool:
        return path.startswith(
            (
                "sys/rekey-recovery-key/",
                "sys/rekey/",
                "sys/rotate/recovery/",
                "sys/generate-root/",
                "sys/seal-status",
                "sys/health",
            )
        )

    def answer(self, verb: str, path: str, body: dict[str, t.Any], may: bool) -> Answer:
        if path == "sys/seal-status":
            return 200, {
                "n": len(self.keys),
                "t": self.threshold,
                "version": self.shown,
                "sealed": False,
                "type": self.seal_type,
                "cluster_id": CLUSTER_ID,
            }
        if path == "sys/health":
            return 200, {"server_time_utc": int(time.time()), "version": self.shown}
        kind = "generate-root" if "generate-root" in path else "rekey"
        if self.flavour == "openbao" and "rotate" not in path:
            return (405 if kind == "generate-root" else 404), {"errors": ["unsupported"]}
        if self.guarded and not may and kind not in self.open:
            return 403, {"errors": ["permission denied"]}
        if self.flavour == "vault" and "rotate" in path:
            return 404, {"errors": ["unsupported path"]}
        if (
            self.flavour == "vault"
            and kind == "rekey"
            and path.startswith("sys/rekey-recovery-key/") != (self.seal_type != "shamir")
        ):
            return 400, {"errors": ["recovery rekeying not supported"]}
        what = f"{verb} {path.removeprefix('sys/')}"
        self.calls.append(what)
        status, said = self._answer(verb, path, body)
        # What it has done stays, also where the one who asked dies here.
        self.on_call(what)
        if status == 200 and self.guarded:
            said = {"request_id": "x", "data": said, **({} if self.data_alone else said)}
        return status, said

    def _answer(self, verb: str, path: str, body: dict[str, t.Any]) -> Answer:
        if path == "sys/generate-root/attempt":
            return self._root_attempt(verb, body)
        if path == "sys/generate-root/update":
            return self._root_update(body)
        if path.endswith("/init"):
            return self._rekey_attempt(verb, body)
        if path.endswith("/update"):
            return self._rekey_update(body)
        return self._rekey_verify(verb, body)

    # --- rekey

    def _rekey_attempt(self, verb: str, body: dict[str, t.Any]) -> Answer:
        if verb == "delete":
            if self.flavour == "vault" and self.rekey and body.get("nonce") != self.rekey["nonce"]:
                return 400, {"errors": ["invalid request"]}
            self.rekey = None
            return 204, {}
        if verb == "write":
            if self.rekey:
                return 400, {"errors": ["rekey already in progress"]}
            if self.ignores_verification:
                body = {**body, "require_verification": False}
            self.rekey = {**body, "nonce": secrets.token_hex(8), "given": [], "new": None, "given_back": []}
        return 200, self._rekey_status()

    def _rekey_status(self) -> dict[str, t.Any]:
        found = self.rekey
        if not found:
            return {"started": False, "nonce": "", "required": self.threshold}
        pgp = found.get("pgp_keys") or []
        fingerprints = [CHECK_FINGERPRINT if key.startswith("mDMEawiP1xYJ") else f"of {key}" for key in pgp]
        return {
            "started": True,
            "nonce": found["nonce"],
            "t": found["secret_threshold"],
            "n": found["secret_shares"],
            "progress": len(found["given"]),
            "required": self.threshold,
            "pgp_fingerprints": fingerprints or None,
            "verification_required": found["require_verification"],
            "verification_nonce": found.get("verification_nonce", ""),
        }

    def _rekey_update(self, body: dict[str, t.Any]) -> Answer:
        found = self.rekey
        if not found or found["new"] or body["nonce"] != found["nonce"]:
            return 400, {"errors": ["no recovery rekey in progress"]}
        if body["key"] in found["given"]:
            return 400, {"errors": ["given key has already been provided during this rekey operation"]}
        found["given"].append(body["key"])
        if len(found["given"]) < self.threshold:
            return 200, self._rekey_status()
        given, found["given"] = found["given"], []
        if not set(given) <= set(self.keys):
            return 400, {"errors": ["recovery key verification failed: recovery key does not match submitted values"]}
        assert found["require_verification"], "new keys would count before anybody has them"
        found["new"] = new_keys(found["secret_shares"])
        found["verification_nonce"] = secrets.token_hex(8)
        pgp = found.get("pgp_keys")
        out = [f"to {who}: {key}" for who, key in zip(pgp, found["new"], strict=True)] if pgp else found["new"]
        more = {"verification_required": True, "verification_nonce": found["verification_nonce"]}
        return 200, {"complete": True, "nonce": found["nonce"], "keys_base64": out, **more}

    def _rekey_verify(self, verb: str, body: dict[str, t.Any]) -> Answer:
        found = self.rekey
        if not found or not found["new"]:
            return 400, {"errors": ["no rekey verification in progress"]}
        if verb == "delete":
            found["verification_nonce"], found["given_back"] = secrets.token_hex(8), []
            return 200, {"started": True, "nonce": found["verification_nonce"]}
        if body["nonce"] != found["verification_nonce"] or body["key"] in found["given_back"]:
            return 400, {"errors": ["incorrect nonce supplied, or given key has already been provided"]}
        found["given_back"].append(body["key"])
        if len(found["given_back"]) < found["secret_threshold"]:
            return 200, {"started": True, "nonce": found["verification_nonce"]}
        if not set(found["given_back"]) <= set(found["new"]):
            found["given_back"] = []
            return 400, {"errors": ["rekey verification failed; incorrect key shares supplied"]}
        self.keys, self.threshold, self.rekey = found["new"], found["secret_threshold"], None
        return 200, {"complete": True, "nonce": body["nonce"]}

    # --- generate-root

    def _root_attempt(self, verb: str, body: dict[str, t.Any]) -> Answer:
        if verb == "delete":
            self.root = None
            return 204, {}
        if verb == "write":
            if self.root:
                return 400, {"errors": ["root generation already in progress"]}
            assert len(body["otp"]) == 28
            self.root = {"otp": body["otp"], "nonce": secrets.token_hex(8), "given": []}
        found = self.root
        return 200, {
            "started": bool(found),
            "nonce": found["nonce"] if found else "",
            "progress": len(found["given"]) if found else 0,
            "required": self.threshold,
            "otp_length": 28,
            "pgp_fingerprint": "",
        }

    def _root_update(self, body: dict[str, t.Any]) -> Answer:
        found = self.root
        if not found or body["nonce"] != found["nonce"] or body["key"] in found["given"]:
            return 400, {"errors": ["no root generation in progress"]}
        found["given"].append(body["key"])
        if len(found["given"]) < self.threshold:
            return 200, {"complete": False, "progress": len(found["given"]), "required": self.threshold}
        given, found["given"] = found["given"], []
        if not set(given) <= set(self.keys):
            return 400, {"errors": ["root generation aborted: unable to authenticate"]}
        token = self.make_root()
        sealed = bytes(one ^ other for one, other in zip(token.encode(), found["otp"].encode(), strict=True))
        self.root = None
        return 200, {"complete": True, "encoded_token": base64.b64encode(sealed).decode().rstrip("=")}

    def make_root(self, made: float | None = None) -> str:
        """A root token. *made*: when, if not now."""
        token = f"hvs.{secrets.token_hex(12)}"
        self.tokens[f"accessor-{token[-8:]}"] = {
            "id": token,
            "policies": ["root"],
            "path": "auth/token/root",
            "creation_time": int(made or time.time()),
        }
        self.tell(token, ["root"])
        return token
