# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Init and custody as one act: nothing is asked of Vault before its answer has a safe way to go."""

from __future__ import annotations

import datetime
import typing as t

from ..custody import journal, sinks
from ..custody.record import Record, prepared, stored
from ..errors import VaultError
from . import api


class Custodian:
    def __init__(self, options: dict[str, t.Any], cluster_name: str) -> None:
        self.cluster_name = cluster_name
        self.journal = options["journal"]
        self.sink = sinks.open_sink(options, cluster_name)
        if not self.journal:
            raise VaultError(cluster_name, "custody has no journal", "Set custody.journal to a path on the controller.")

    def journal_exists(self) -> bool:
        return journal.exists(self.journal)

    def initialise(self, node: str, client: t.Any, body: dict[str, t.Any]) -> Record:
        """Reserve, prove, initialise, store, read back."""
        reservation = self._reserve()
        answer = api.initialise(node, client, body)
        keys: Record = {
            **reservation,
            "recovery_keys": answer["recovery_keys_base64"],
            "recovery_shares": body["recovery_shares"],
            "recovery_threshold": body["recovery_threshold"],
            "pgp": "recovery_pgp_keys" in body,
            "root_token": answer["root_token"],
            "root_token_pgp": "root_token_pgp_key" in body,
        }
        journal.write(self.journal, t.cast(str, reservation["journal_key"]), keys)
        return self._store(reservation, keys, None)

    def recover(self, cluster_id: str | None) -> Record:
        """Finish an init whose keys got as far as the journal."""
        reservation = self.sink.read()
        if reservation is None or reservation["journal_key"] is None:
            raise VaultError(self.sink.where, "the reservation is gone, and with it the key to the journal")
        keys = journal.read(self.journal, reservation["journal_key"])
        return self._store(reservation, keys, cluster_id)

    def remove_journal(self) -> None:
        journal.remove(self.journal)

    def _reserve(self) -> Record:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        # An existing reservation is used as it is: only its creation is atomic between two controllers.
        self.sink.create(prepared(self.cluster_name, now))
        reservation = self.sink.read()
        if reservation is None or reservation["status"] != "prepared" or not reservation["journal_key"]:
            raise VaultError(self.sink.where, "the reservation could not be read back", "Nothing was initialised.")
        self.sink.prove_writable(reservation)
        return reservation

    def _store(self, reservation: Record, keys: Record, cluster_id: str | None) -> Record:
        record = stored(reservation, keys, cluster_id)
        try:
            self.sink.replace(record)
            if self.sink.read() != record:
                raise VaultError(self.sink.where, "it does not return what was written")
        except VaultError as error:
            raise VaultError(
                self.cluster_name,
                f"the cluster is initialised, and its recovery keys did not get into custody ({error})",
                f"They are safe, encrypted, in {self.journal} on this controller. Keep that file, mend the sink, and "
                "run again from here: the next run finishes.",
            ) from error
        journal.remove(self.journal)
        return record
