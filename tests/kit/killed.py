"""A controller that dies: from one of its calls on, none of them gets anywhere, those included by which it would tidy up."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import record as records
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import sinks
from ansible_collections.vaultops.cluster.plugins.module_utils._vault import wire

# What a module is told, where Custody stands in for whatever that opens.
ANY_SINK = {"sink": "secretsmanager", "name": "x", "region": "eu-central-1"}
# They change nothing, although they are no reads.
LOOKS = ("/login", "/capabilities-self", "/lookup-accessor")


class Killed(BaseException):
    """No code of the controller's handles that."""


class Controller:
    """Counts what changes something in Vault or in custody, and dies right after one of these calls has taken effect: before the
    next one, that is."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count, self.at, self.dead = 0, 0, False
        send = wire.Transport.send
        own = self

        def guarded(transport: t.Any, *arguments: t.Any, **named: t.Any) -> t.Any:
            request = arguments[0]
            changes = request.method != "GET" and not request.url.endswith(LOOKS)
            return own.call(lambda: send(transport, *arguments, **named), changes)

        patch.setattr(wire.Transport, "send", guarded)

    def dies(self, at: int) -> None:
        self.count, self.at, self.dead = 0, at, False

    def lives(self) -> None:
        self.dies(0)

    def call(self, action: t.Callable[[], t.Any], changes: bool) -> t.Any:
        self.count += changes
        if self.dead:
            raise Killed
        result = action()
        if changes and self.count == self.at:
            self.dead = True
            raise Killed
        return result


class Custody:
    """A sink in memory, in the place of any that a module opens."""

    where = "the sink"
    untidy = False

    def __init__(self, patch: pytest.MonkeyPatch, controller: Controller, keys: list[str], threshold: int) -> None:
        reservation = records.prepared("prod", "2026-01-01T00:00:00+00:00", "alice@laptop")
        body = {"recovery_shares": len(keys), "recovery_threshold": threshold}
        answer = records.answered(reservation, body, {"recovery_keys_base64": list(keys)})
        self.record: records.Record | None = records.stored(reservation, answer, "7f0c1f9e-0000-4000-8000-000000000001")
        self.refuses: t.Callable[[records.Record], bool] = lambda _record: False
        self._controller = controller
        self._room = 0
        patch.setattr(sinks, "open_sink", lambda _options, _name: self)

    def read(self) -> records.Record | None:
        return self._controller.call(lambda: copy.deepcopy(self.record), False)

    def create(self, record: records.Record) -> bool:
        if self.record is not None:
            return False
        self._controller.call(lambda: setattr(self, "record", records.load(records.dump(record), self.where)), True)
        return True

    def prove_writable(self, stand_in: records.Record) -> None:
        text = records.dump(stand_in)
        held = self.record or {}
        secrets = [*held.get("recovery_keys", []), held.get("root_token") or "no token"]
        assert not any(secret in text for secret in secrets), "a secret would stay in what was only tried"
        self._room = len(text)

    def replace(self, record: records.Record) -> None:
        if self.refuses(record):
            raise sinks.Problem("it is full", where=self.where)
        # What is written is what can be read again, and had its room proven while it grew.
        text = records.dump(record)
        assert len(text) <= (self._room or len(text))
        self._controller.call(lambda: setattr(self, "record", records.load(text, self.where)), True)
