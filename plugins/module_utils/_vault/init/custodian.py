# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Init and custody as one act: nothing is asked of Vault before its answer has two safe ways to go."""

from __future__ import annotations

import datetime
import functools
import getpass
import os
import socket
import typing as t

from ..._common.errors import Problem
from ..._common.wait import Wait
from ..._custody import record as records
from ..._custody import sinks
from ..._custody.journal import Journal, open_home
from ..._custody.record import Record
from . import api

# How long the keys are held in memory while neither way takes them.
TRY_SECONDS = 120
PAUSE_SECONDS = 2


class Taken(Problem):
    """The reservation in the sink became somebody else's while Vault was asked."""


class Custodian:
    def __init__(self, options: dict[str, t.Any], cluster_name: str) -> None:
        self.cluster_name = cluster_name
        self.sink = sinks.open_sink(options, cluster_name)
        self._options = options

    @functools.cached_property
    def journal(self) -> Journal:
        """Looked at only where an init may be under way, so opened only then."""
        return Journal(open_home(self._options))

    def initialise(
        self, node: str, client: t.Any, body: dict[str, t.Any], found: Record | None, take_over: bool
    ) -> tuple[Record, bool]:
        """Reserve, prove both ways, initialise, store, read back. Also says whether the journal is gone.

        *found* is the reservation of a run that was cut short, or None; with *take_over*, one whose journal is nowhere to be
        seen, and whose run is said to have ended.
        """
        if found is None or take_over:
            reservation = self._new_reservation()
        else:
            # Under its own key, so that what that run may still write can be read. A run that comes back sees that it is not
            # its reservation any more.
            new = self._new_reservation()
            reservation = {**found, "since": new["since"], "who": new["who"], "run": new["run"]}
        size_of = records.stand_in(reservation, body)
        write = self.journal.prepare(reservation, size_of)
        if found is None:
            if not self.sink.create(reservation):
                self.journal.withdraw()
        else:
            self._must_hold(found)
            self.sink.replace(reservation)
        self._must_hold(reservation)
        self.sink.prove_writable(size_of)
        # The last look before what can't be undone: the run that took the reservation over is asking Vault itself.
        self._must_hold(reservation)
        keys = records.answered(reservation, body, api.initialise(node, client, body))
        return self._keep(reservation, keys, write)

    def recover(self, cluster_id: str | None) -> Record:
        """Finish an init whose keys got as far as the journal."""
        reservation = self.sink.read()
        if reservation is None or reservation["journal_key"] is None:
            raise Problem("the reservation is gone, and with it the key to the journal", where=self.sink.where)
        record = records.stored(reservation, self.journal.read(reservation), None)
        problem = self._try(lambda: self._store(reservation, record))
        if problem:
            raise self._only_in_journal(problem)
        if self._try(self.journal.remove):
            return record
        return self.note(record, cluster_id)

    def tidy(self, record: Record, cluster_id: str | None) -> Record:
        """What an earlier run, or version, left: a journal, a secret without tag, keys that name no cluster id."""
        self.journal.remove()
        if self.sink.untidy:
            self.sink.tidy()
        return self.note(record, cluster_id)

    def note(self, record: Record, cluster_id: str | None) -> Record:
        """Bind the keys to the cluster that they are of: the last that init does, and what says that no journal is left."""
        if cluster_id is None or record["cluster_id"]:
            return record
        noted: Record = {**record, "cluster_id": cluster_id}
        self.sink.replace(noted)
        return noted

    def _new_reservation(self) -> Record:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        return records.prepared(self.cluster_name, now, whoami())

    def _must_hold(self, reservation: Record) -> None:
        found = self.sink.read()
        if found == reservation:
            return
        if found is None:
            theirs = "it is gone"
        elif found["status"] == "stored":
            theirs = f"the keys of an init that began at {found['since']} ({found['who']}) are in"
        else:
            theirs = f"since {found['since']} it is that of {found['who'] or 'somebody else'}"
        raise Problem(
            f"the reservation for init is not the one that this run knows: {theirs}",
            "Vault was not asked. Let the other run end, and run again.",
            where=self.sink.where,
        )

    def _keep(self, reservation: Record, keys: Record, write: t.Callable[[Record], None]) -> tuple[Record, bool]:
        """Each way is tried, whatever became of the other, and again as long as both fail. Also says whether the journal is
        gone."""
        record = records.stored(reservation, keys, None)
        wait = Wait(TRY_SECONDS, PAUSE_SECONDS)
        while True:
            not_written = self._try(lambda: write(keys))
            not_stored = self._try(lambda: self._store(reservation, record))
            if not not_stored:
                # A journal that can't be removed is seen by the next run.
                return record, self._try(self.journal.remove) is None
            if isinstance(not_stored, Taken):
                raise self._homeless(f"{not_stored} What is in the journal can't be opened without that reservation")
            if not not_written:
                raise self._only_in_journal(not_stored)
            if not wait.again():
                raise self._homeless(f"{not_stored} {not_written} That was tried for {TRY_SECONDS} s")

    def _store(self, reservation: Record, record: Record) -> None:
        found = self.sink.read()
        if found is None:
            self.sink.create(record)
        elif found["status"] == "prepared":
            # Also somebody else's: Vault has answered here, and answers no second init.
            self.sink.replace(record)
        elif found["recovery_keys"] == record["recovery_keys"]:
            return  # another run has brought them there from the journal
        else:
            theirs = f"what {found['who'] or 'somebody else'} put there at {found['since']}"
            raise Taken(f"it holds {theirs}, and not the reservation of this init any more", where=self.sink.where)
        if self.sink.read() != record:
            raise Problem("it does not return what was written", where=self.sink.where)

    def _homeless(self, why: str) -> Problem:
        return Problem(
            f"a node was initialised, and neither the sink nor the journal confirms that it keeps the recovery keys: {why}",
            "Mend what is named here and run again, before anything else: that run finishes, or says what is "
            "lost and how to start again. The cluster holds no data yet.",
            where=self.cluster_name,
        )

    def _only_in_journal(self, problem: Problem) -> Problem:
        return Problem(
            f"the cluster is initialised, and its recovery keys did not get into custody ({problem})",
            f"They are encrypted in the {self.journal.where}, and the reservation in the sink has the key to them. Keep both, "
            "mend the sink, and run again, from anywhere: the next run finishes.",
            where=self.cluster_name,
        )

    @staticmethod
    def _try(action: t.Callable[[], None]) -> Problem | None:
        try:
            action()
        except Problem as error:
            return error
        return None


def whoami() -> str:
    """The user and the host that run this, for people to read."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user id has no name
        user = f"uid-{os.geteuid()}"
    return f"{user}@{socket.gethostname()}"
