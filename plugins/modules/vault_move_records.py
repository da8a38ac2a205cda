#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring what lies in a directory of an earlier layout to where it is kept now."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_move_records
short_description: Bring records of a Vault cluster from a directory on the controller to where they are kept now
version_added: 1.0.0
description:
  - "Earlier releases kept in one directory on the controller: snapshots from before changes (C(snapshots/*.snap)), reports of
    drills (C(drills/*.json)), C(canaries.json), C(snapshots-seen.json), a file with recovery keys (C(recovery.SINK)) and the
    journal of an init (C(init.journal))."
  - The module copies them, reads back what it has written, and removes nothing. What is there already is left as it is, and what
    two records say is put together. A second run changes nothing.
  - The journal of an init is left where the sink already holds the recovery keys of a finished init.
  - Snapshots from before changes go to the bucket alone, below V(before-changes/) of the records. They are no snapshots of the
    backup tool, so C(restore.yml) does not list them.
  - Run it on the controller.
author: vaultops maintainers (@vaultops)
options:
  source:
    description: The directory.
    type: path
    required: true
  cluster_name:
    description: Name of the cluster.
    type: str
    required: true
  records:
    required: true
  custody:
    required: true
extends_documentation_fragment:
  - vaultops.cluster.records
  - vaultops.cluster.vault.custody
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Bring what lies in the old directory to the bucket
  vaultops.cluster.vault_move_records:
    source: /home/ops/.vaultops/prod
    cluster_name: prod
    records:
      bucket: example-vault-snapshots
      prefix: records/prod
      region: eu-central-1
    custody:
      sink: secretsmanager
      name: vault/prod/recovery
      region: eu-central-1
      journal:
        bucket: example-vault-snapshots
        object: init/prod.journal
"""

RETURN = r"""
lines:
  description: What becomes of each file, one sentence each.
  returned: success
  type: list
  elements: str
"""

import hashlib
import os
import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._custody import journal, sinks
from ..module_utils._objects import files, homes, records
from ..module_utils._snapshot import canary, seen

# What S3 takes in one request.
MOST_BYTES = 5 << 30
CHUNK_BYTES = 1 << 20


class Move:
    def __init__(self, params: dict[str, t.Any], check_mode: bool) -> None:
        self.source, self.check_mode = params["source"], check_mode
        self.custody, self.cluster = params["custody"], params["cluster_name"]
        self.options = params["records"]
        self.records = records.Records(self.options)
        self.lines: list[str] = []
        self.changed = False

    def all(self) -> None:
        if not self.source:
            raise Problem("vault_move_from is not set, so it is not known what is to be moved", "Name the directory.")
        if not os.path.isdir(self.source):
            raise Problem("it is no directory, so nothing can be brought from there", where=self.source)
        if not self.records.are_kept:
            raise Problem(
                "there is nowhere to bring it: no bucket and no directory",
                "Set vault_snapshot_bucket or vault_output_dir.",
                where=self.source,
            )
        # First what is lost for good where it is lost.
        self.answer_of_init()
        self.recovery_keys()
        for name in self.found("drills", ".json"):
            self.put(name, self.record(name), self.read(name))
        self.together(canary.RECORD, self.more_canaries)
        self.together(seen.RECORD, self.more_seen)
        for name in self.found("snapshots", ".snap"):
            self.snapshot(name)

    def found(self, folder: str, suffix: str) -> list[str]:
        path = os.path.join(self.source, folder)
        names = files.in_words(path, lambda: sorted(os.listdir(path)) if os.path.isdir(path) else [])
        return [f"{folder}/{name}" for name in names if name.endswith(suffix)]

    def read(self, name: str) -> bytes:
        path = os.path.join(self.source, name)
        return files.in_words(path, lambda: files.read(path)) or b""

    def there(self, name: str) -> bool:
        return os.path.isfile(os.path.join(self.source, name))

    def record(self, name: str) -> homes.Home:
        return self.records.home(name)

    def say(self, name: str, what: str, changed: bool = False) -> None:
        self.lines.append(f"{name}: {what}.")
        self.changed = self.changed or changed

    def put(self, name: str, home: homes.Home, data: bytes) -> None:
        """Where nothing is. What is there is somebody's."""
        held = home.read()
        if held and held.data == data:
            return self.say(name, f"is in {home.where} already")
        if held:
            return self.say(name, f"is left, since {home.where} holds another one")
        if not self.check_mode:
            home.write(data, None)
            self.require(home, data)
        return self.say(name, f"is brought to {home.where}", True)

    def require(self, home: homes.Home, data: bytes) -> None:
        held = home.read()
        if held is None or held.data != data:
            raise Problem("it does not return what was written", "Nothing was removed. Run again.", where=home.where)

    def answer_of_init(self) -> None:
        if not self.there("init.journal"):
            return None
        home = journal.open_home(self.custody)
        # What init has finished with it has removed. Nobody would remove it once more.
        if home.read() is None:
            sink = sinks.open_sink(self.custody, self.cluster)
            record = sink.read()
            if record and record["status"] == "stored" and record["cluster_id"]:
                return self.say(
                    "init.journal", f"is left, since {sink.where} holds the recovery keys of a finished init"
                )
        return self.put("init.journal", home, self.read("init.journal"))

    def recovery_keys(self) -> None:
        for sink in ("kms_file", "pgp"):
            name = f"recovery.{sink}"
            if not self.there(name):
                continue
            if sink == self.custody["sink"] and self.custody["path"]:
                self.put(name, homes.File(self.custody["path"]), self.read(name))
            else:
                self.say(name, f"is left, since the recovery keys are kept in {self.custody['sink']} now")

    def together(self, name: str, more: t.Callable[[bytes, bytes | None], bytes]) -> None:
        if not self.there(name):
            return None
        home = self.record(name)
        held = home.read()
        try:
            data = more(self.read(name), held.data if held else None)
        except ValueError as error:
            raise Problem(
                f"{name} is damaged there, or in {home.where} ({error})", "Move that one away.", where=self.source
            ) from error
        if held and held.data == data:
            return self.say(name, f"is in {home.where} already")
        if not self.check_mode:
            self.records.write(name, data, held.version if held else None)
            self.require(home, data)
        return self.say(name, f"is brought to {home.where}", True)

    @staticmethod
    def more_canaries(old: bytes, new: bytes | None) -> bytes:
        known = canary.parse(new) if new is not None else []
        both = canary.merged(canary.parse(old), known)
        return new if new is not None and both == known else canary.dump(both)

    @staticmethod
    def more_seen(old: bytes, new: bytes | None) -> bytes:
        known = seen.parse(new) if new is not None else {}
        both = known
        for name in seen.parse(old).values():
            both = seen.with_newer(both, name)
        return new if new is not None and both == known else seen.dump(both)

    def snapshot(self, name: str) -> None:
        """As it is: Vault's own encryption is all that it has, as on the controller."""
        if not self.options["bucket"]:
            return self.say(name, "is left, since there is no bucket")
        path = os.path.join(self.source, name)
        size = files.in_words(path, lambda: os.stat(path).st_size)
        if size > MOST_BYTES:
            return self.say(name, "is left, since it has more than 5 GiB, which S3 takes in no single request")
        bucket = homes.Bucket(self.options["bucket"], self.options)
        bucket.require_own()
        key = f"{self.options['prefix']}/before-changes/{os.path.basename(name)}"
        where = f"s3://{bucket.name}/{key}"
        digest = files.in_words(path, lambda: sha256(path))
        held = in_bucket(bucket, key)
        if held:
            return self.say(
                name, f"is in {where} already" if held == digest else f"is left, since {where} is another one"
            )
        if not self.check_mode:
            with files.in_words(path, lambda: open(path, "rb")) as stream:
                bucket.call("put_object", key, {}, Body=stream, IfNoneMatch="*", **homes.ENCRYPTION)
            if in_bucket(bucket, key) != digest:
                raise Problem("it does not hold what was sent", "Nothing was removed. Run again.", where=where)
        return self.say(name, f"is brought to {where}", True)


def in_bucket(bucket: homes.Bucket, key: str) -> str | None:
    """The sum of an object, all of which is read."""
    found = bucket.call("get_object", key, {"NoSuchKey": None})
    return sum_of(found["Body"].iter_chunks(CHUNK_BYTES)) if found else None


def sha256(path: str) -> str:
    with open(path, "rb") as stream:
        return sum_of(iter(lambda: stream.read(CHUNK_BYTES), b""))


def sum_of(chunks: t.Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    move = Move(params, check_mode)
    move.all()
    return {"changed": move.changed, "lines": move.lines or ["Nothing of an earlier layout lies there."]}


OPTIONS: dict[str, t.Any] = {
    "source": {"type": "path", "required": True},
    "cluster_name": {"type": "str", "required": True},
    "records": {"type": "dict", "required": True, "options": records.SPEC},
    "custody": {**sinks.OPTION, "required": True},
}


def main() -> None:
    run_module(run, OPTIONS, libraries=sinks.LIBRARIES)


if __name__ == "__main__":
    main()
