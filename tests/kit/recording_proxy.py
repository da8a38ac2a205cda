"""The wire between the play and AWS, as a test sees it."""

from __future__ import annotations

import json
import typing as t

from kit.fault_proxy import FaultProxy

PROXY_PORT = 5001


class Wire(FaultProxy):
    """Also remembers what was written to Secrets Manager: the only place where the secrets can be seen on their way."""

    def __init__(self, *arguments: t.Any) -> None:
        super().__init__(*arguments)
        self.records: list[dict[str, t.Any]] = []

    def forward(self, method, path, headers, body):
        if headers.get("X-Amz-Target", "").endswith(("CreateSecret", "PutSecretValue")):
            # The journal is bytes, and encrypted.
            text = json.loads(body).get("SecretString")
            if text:
                self.records.append(json.loads(text))
        return super().forward(method, path, headers, body)

    def secrets(self) -> set[str]:
        """Recovery keys, root token and journal key: everything that was ever written."""
        sets = [
            one for record in self.records for one in (record, record.get("rekey") or {}, *record.get("former", []))
        ]
        found = {key for keys in sets for key in keys.get("recovery_keys", [])}
        found |= {record[name] for record in self.records for name in ("root_token", "journal_key") if record[name]}
        assert found, "nothing was written, so nothing can be looked for"
        return found

    def shown_in(self, text: str) -> list[str]:
        """Which of the secrets stand in the text; only how many characters they have, so as not to show them again."""
        return [f"a secret of {len(secret)} characters" for secret in self.secrets() if secret in text]
