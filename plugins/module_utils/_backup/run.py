# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run, from the question who is active to the last metric."""

from __future__ import annotations

import dataclasses
import time

from .._snapshot import manifest
from .._snapshot.encryption import Key
from .._snapshot.errors import Exit, Failure, Interrupted
from .._snapshot.s3 import Bucket
from . import metrics, pipeline, retention
from .config import S3, Config
from .lock import held
from .program import say, warn, warned
from .store import Store
from .vault import Node

MIB = 1 << 20


def run(config: Config) -> None:
    """Raises Failure; returns where there was nothing to do, too."""
    store = Store(config.directory)
    with held(store.lock):
        changes: metrics.Values = {}
        try:
            store.tidy()
            made = _back_up(config, store, changes)
            if made:
                _forget_old(config, store, made)
        except (Failure, Interrupted) as end:
            with warned():
                _report(config, end.code, changes)
            raise
        except BaseException:
            # A bug. Monitoring would go on seeing how the run before it ended.
            with warned():
                _report(config, Exit.BUG, changes)
            raise
        _report(config, Exit.DONE, changes)


def _back_up(config: Config, store: Store, changes: metrics.Values) -> manifest.Manifest | None:
    """The snapshot that was made, if any. What is to be told of it goes into *changes* once it is where it belongs."""
    node = Node(config.vault)
    if not node.is_active():
        say(f"{config.node_name} is not the active node: nothing to do here.")
        return None
    started = time.monotonic()
    made = _take(config, store, node)
    if config.s3 is not None:
        _upload(config.s3, store, made)
    duration = time.monotonic() - started
    changes.update(metrics.success(time.time(), duration, made.plain_bytes, made.encrypted_bytes, made.raft_index))
    return made


def _forget_old(config: Config, store: Store, made: manifest.Manifest) -> None:
    keep, there = config.retention, store.backups(config.cluster_name)
    for old in retention.expired(there, made, time.time(), keep.keep_last, keep.keep_days):
        store.delete(old)
        say(f"{store.path(old.name)} is beyond the retention and was deleted.")


def _take(config: Config, store: Store, node: Node) -> manifest.Manifest:
    identity = node.identity()
    started_at = manifest.moment(time.time())
    key = Key(config.kms)
    context = manifest.encryption_context(identity.cluster_id, config.cluster_name, config.node_name, started_at)
    with store.draft(config.reserve_mib * MIB) as draft:
        with node.login(warn) as token:
            try:
                verified = pipeline.run(lambda: node.snapshot(token), key, context, draft)
            except Failure as failure:
                raise _with_leader(node, failure) from failure
        summary = verified.summary
        made = manifest.Manifest(
            format=manifest.FORMAT,
            name=manifest.name(
                config.cluster_name, identity.cluster_id, config.node_name, started_at, summary["index"]
            ),
            cluster_id=identity.cluster_id,
            cluster_name=config.cluster_name,
            node_name=config.node_name,
            vault_version=manifest.version_of(identity.version, config.flavour),
            raft_index=summary["index"],
            raft_term=summary["term"],
            key_arn=key.arn,
            seal_key_arn=config.seal_key_arn,
            plain_bytes=verified.plain_bytes,
            plain_sha256=verified.plain_sha256,
            state_bytes=summary["state_bytes"],
            state_sha256=summary["sha256"],
            encrypted_bytes=draft.size,
            encrypted_sha256=draft.sha256,
            started_at=started_at,
            finished_at=manifest.moment(time.time()),
        )
        made = dataclasses.replace(made, seal=key.seal(manifest.seal_context(made)))
        store.keep(draft, made)
    say(f"{store.path(made.name)}: Raft index {made.raft_index}, {made.plain_bytes} bytes, verified and encrypted.")
    return made


def _with_leader(node: Node, failure: Failure) -> Failure:
    """Whether a new leader is why the stream was no good."""
    if failure.code not in (Exit.VAULT, Exit.SNAPSHOT):
        return failure
    try:
        still_active = node.is_active()
    except Failure:
        return failure
    if still_active:
        return failure
    return Failure(
        failure.code,
        f"{failure.cause.rstrip('.')}; meanwhile the leader changed, and this node is not active any more",
        "The next run on the new active node will do.",
    )


def _upload(settings: S3, store: Store, made: manifest.Manifest) -> None:
    path = store.path(made.name)
    try:
        bucket = Bucket(settings)
        bucket.abort_unfinished(made.cluster_name, made.node_name, warn)
        bucket.upload(path, made)
    except Failure as failure:
        cure = f"{failure.cure} It is whole on this node's disk, as {path}.".strip()
        raise Failure(failure.code, failure.cause, cure) from failure
    say(f"{bucket.where(made.name)}: uploaded and compared.")
    # Of the names that tell no cluster id, this node knows those that it gave. It may not read the bucket.
    known = {old.name for old in store.backups(made.cluster_name) if old.cluster_id == made.cluster_id}
    _supersede(bucket, made, known)


def _supersede(bucket: Bucket, made: manifest.Manifest, known: set[str]) -> None:
    """What goes wrong here only keeps old snapshots for longer; the new one is good."""
    try:
        bucket.supersede(made, known)
    except Failure as failure:
        if failure.code != Exit.S3:
            raise
        warn(f"{failure} The new snapshot is good; older ones stay in the bucket until a later run can tag them.")


def _report(config: Config, code: Exit, changes: metrics.Values) -> None:
    if config.metrics_file is not None:
        metrics.update(config.metrics_file, {**changes, **metrics.attempt(time.time(), code)})
