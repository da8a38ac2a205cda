# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""New recovery keys: into custody first, and only then into force.

Vault gives new keys out, and goes on with the old ones until the new ones are given back. What is given back here is what custody
returns. At every moment custody holds the keys that count: the old ones alone, both, or, when Vault has said that the new ones
count, these. Where the old ones are with people, who gave them to this run, custody says so, and never holds them. What is under
way is in the active node's memory alone, so that a change of leader ends it, and the old keys count.
"""

from __future__ import annotations

import datetime
import typing as t

from ..._common.errors import Problem
from ..._custody import record as records
from ..._custody.record import Record, Rekey
from ..._custody.sinks import Sink
from ..errors import VaultError
from ..init.custodian import whoami
from . import api
from . import given as people
from .prove import accepts
from .state import Maker, Seal, Wanted, standing, ways


class Rekeyer:
    """*given*: keys that people give to this run: those that were encrypted to them, or those that custody never had. *seal*:
    how many recovery keys Vault wants."""

    def __init__(
        self, name: str, client: t.Any, maker: Maker, sink: Sink, wanted: Wanted, given: t.Sequence[str], seal: Seal
    ) -> None:
        self.name = name
        self.maker = maker
        self.client = client
        self.sink = sink
        self.wanted = wanted
        self.given = list(given)
        self.seal = seal

    def first(self, cluster: str) -> Record:
        """What custody is to hold before the first rekey of a cluster that somebody else initialised."""
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        found = api.cluster_id(self.name, self.client)
        return records.elsewhere(cluster, now, whoami(), found, self.seal["shares"], self.seal["threshold"])

    def begin(self, record: Record, unheld: bool = False) -> Record:
        """From the reservation to new keys that count, or that wait for people. *unheld*: custody holds nothing yet."""
        attempt = api.read_rekey(self.name, self.client, self.maker)
        if standing(attempt, record["rekey"]) in ("ours", "unnoted"):
            # Of a run that was cut short: its new keys, if there are any, are nowhere, or not to count.
            api.cancel_rekey(self.name, self.client, self.maker, str(attempt["nonce"]))
        keys = self._working(record)
        reserved = self._reserve(record, unheld)
        attempt = api.begin_rekey(
            self.name, self.client, self.maker, self.wanted.shares, self.wanted.threshold, self.wanted.pgp_keys
        )
        nonce = str(attempt["nonce"])
        try:
            noted = self._put(reserved, {"nonce": nonce})
            new = self._give(keys, nonce)
            both = self._put(noted, {"recovery_keys": new})
        except Problem as first:
            # The new keys are nowhere, or not surely in custody. Nothing of them counts.
            try:
                api.cancel_rekey(self.name, self.client, self.maker, nonce)
            except VaultError as second:
                first.also(second)
            raise
        # What was given are old keys: nobody can have opened the new ones yet.
        return both if self.wanted.pgp_keys else self.verify(both)

    def verify(self, record: Record) -> Record:
        """Give the new keys back, as custody has them, and let them count."""
        noted = _noted(record)
        keys = (self.given if noted["pgp"] else noted["recovery_keys"])[: noted["recovery_threshold"]]
        if noted["pgp"]:
            if any(is_old(record, key) for key in keys):
                raise VaultError(
                    self.name,
                    "of the keys that were given, some are those that the rekey was begun with",
                    "Nothing has changed: the old keys count. Give the new keys, which people have decrypted.",
                )
            record = self._put(record, {"given_back": [records.mark(key) for key in keys]})
        nonce = api.restart_verification(self.name, self.client, self.maker)
        try:
            for key in keys:
                if api.verify_rekey(self.name, self.client, self.maker, key, nonce):
                    return self.finish(record)
        except VaultError as refused:
            # A plain no, while the new keys wait: none of what was given is a new key. After anything else they may count.
            if refused.status == 400 and api.read_rekey(self.name, self.client, self.maker)["nonce"] == noted["nonce"]:
                self._put(record, {"given_back": []})
            raise
        raise VaultError(
            self.name,
            f"{noted['recovery_threshold']} of the new recovery keys are needed to verify them, and {len(keys)} were given",
            "Nothing has changed: the old keys count. Run again with enough of them.",
        )

    def settle(self, record: Record) -> Record | None:
        """After a run that was cut short: the record with the new keys where Vault takes them, or None where it takes others.

        What people give of theirs may be old keys or new ones: they are new ones where they are known again.
        """
        noted = _noted(record)
        new = known_again(noted, self.given) if noted["pgp"] else noted["recovery_keys"]
        some = new[: noted["recovery_threshold"]]
        if len(some) == noted["recovery_threshold"] and accepts(self.name, self.client, self.maker, some) is None:
            return self.finish(record)
        # Also new ones, where Vault could not look before.
        working = self._working(record)
        if set(working) <= set(new):
            return self.finish(record)
        if noted["pgp"] and noted.get("given_back") and not all(is_old(record, key) for key in working):
            raise VaultError(
                self.name,
                "a run was cut short while it gave new keys back, and those that were given now are neither these nor the old "
                "ones that it began with: nobody knows which of the two sets they are of",
                "Nothing was changed. Give the same keys as to that run, or the old ones that the rekey was begun with.",
            )
        return None

    def finish(self, record: Record) -> Record:
        return self._keep(records.rekeyed(record))

    def _working(self, record: Record) -> list[str]:
        """The first keys that Vault takes."""
        refusal: VaultError | None = None
        for some in ways(record, self.given, self.seal["threshold"]):
            refusal = accepts(self.name, self.client, self.maker, some)
            if refusal is None:
                return some
        raise none_taken(self.name, record, self.given, refusal)

    def _give(self, keys: t.Sequence[str], nonce: str) -> list[str]:
        for key in keys:
            said = api.give_rekey(self.name, self.client, self.maker, key, nonce)
            if said["complete"]:
                if len(said["recovery_keys"]) == self.wanted.shares:
                    return said["recovery_keys"]
                break
        raise VaultError(
            self.name,
            f"it was given {len(keys)} recovery keys, and gave out no new ones",
            "Nothing has changed: the old keys count. Run playbooks/custody_check.yml.",
        )

    def _reserve(self, record: Record, unheld: bool) -> Record:
        """Room for the new keys is proven before Vault is asked. *unheld*: custody holds nothing yet."""
        noted: Rekey = {
            "since": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "who": whoami(),
            "nonce": None,
            "recovery_keys": [],
            "recovery_shares": self.wanted.shares,
            "recovery_threshold": self.wanted.threshold,
            "pgp": bool(self.wanted.pgp_keys),
        }
        if noted["pgp"] and self.given:
            noted["began_with"] = [records.mark(key) for key in self.given]
        reserved: Record = {**record, "rekey": noted}
        if unheld:
            self._create(reserved)
        self.sink.prove_writable(records.stand_in_of_rekey(reserved, self.wanted.pgp_keys))
        return self._keep(reserved)

    def _create(self, record: Record) -> None:
        """Nothing is written over: not even what appears in this moment."""
        if not self.sink.create(record):
            raise Problem(
                "somebody else has put something there since it was looked at",
                "Nothing was changed. Let the other run end, and run again.",
                where=self.sink.where,
            )
        self._must_return(record)

    def _put(self, record: Record, more: dict[str, t.Any]) -> Record:
        return self._keep({**record, "rekey": t.cast(Rekey, {**_noted(record), **more})})

    def _keep(self, record: Record) -> Record:
        self.sink.replace(record)
        return self._must_return(record)

    def _must_return(self, record: Record) -> Record:
        found = self.sink.read()
        if found != record:
            raise Problem("it does not return what was written", where=self.sink.where)
        return found


def none_taken(name: str, record: Record, given: t.Sequence[str], refusal: VaultError | None) -> Problem:
    cause, cure = people.none_taken(record, len(set(given)), refusal.cause if refusal else "")
    return VaultError(name, cause, cure, status=refusal.status if refusal else None)


def is_old(record: Record, key: str) -> bool:
    """Whether the key is of those that the rekey under way began with: custody's own, or given ones that are known again."""
    return key in record["recovery_keys"] or records.mark(key) in _noted(record).get("began_with", [])


def known_again(noted: Rekey, given: t.Sequence[str]) -> list[str]:
    """Of the keys that people give, those that a run has given back to Vault before."""
    marks = noted.get("given_back", [])
    return [key for key in given if records.mark(key) in marks]


def _noted(record: Record) -> Rekey:
    if record["rekey"] is None:
        raise AssertionError("no rekey is under way")
    return record["rekey"]
