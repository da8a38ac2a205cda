# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is known of one snapshot: the JSON file beside it. Pure."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import typing as t
import uuid
from dataclasses import asdict, dataclass, fields

# 1: nobody vouches for the manifest, and the name tells no cluster id. 2: it is sealed. 3: the names of its two times are
# started_at and finished_at, which were begun and ended. All three are read.
UNBOUND, SEALED, FORMAT = 1, 2, 3
# What manifests of the formats 1 and 2 call a field.
_BEFORE = {"started_at": "begun", "finished_at": "ended"}
SUFFIX = ".snap.encrypted"
MANIFEST_SUFFIX = ".json"
# No cluster id looks like a time, so a name is of one form, whatever the node is called.
NAME = re.compile(
    r"(?P<cluster>[A-Za-z0-9-]+)_(?:(?P<id>[0-9a-f]{8})_)?(?P<started_at>[0-9]{8}T[0-9]{6}Z)_(?P<index>[0-9]+)_"
    r"(?P<node>[A-Za-z0-9._-]+)" + re.escape(SUFFIX)
)
# The tag of what a newer snapshot has superseded: all that the bucket's lifecycle may expire.
SUPERSEDED = {"Key": "vaultops-superseded", "Value": "true"}
# By how much clocks may differ. What is begun later than that is not believed.
FUTURE_SECONDS = 300
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Manifest:
    format: int
    name: str  # of the encrypted file
    cluster_id: str
    cluster_name: str
    node_name: str
    vault_version: str  # 1.21.1, or 2.6.2+openbao
    raft_index: int
    raft_term: int
    key_arn: str  # that encrypts the file
    seal_key_arn: str  # that opens what is in it: the cluster's unseal key of that time
    plain_bytes: int
    plain_sha256: str
    state_bytes: int
    state_sha256: str
    encrypted_bytes: int
    encrypted_sha256: str
    started_at: str  # UTC
    finished_at: str
    seal: str = ""  # base64; empty in the format 1

    def to_json(self) -> str:
        return json.dumps(_content(self), indent=2) + "\n"

    @property
    def is_bound(self) -> bool:
        """Whether it carries a seal. Only who opens the seal knows that it is this manifest's."""
        return self.format != UNBOUND

    @property
    def sum(self) -> str:
        """What the seal vouches for: all but the seal itself."""
        content = {name: value for name, value in _content(self).items() if name != "seal"}
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def started_epoch(self) -> float:
        return epoch(self.started_at)


def version_of(version: str, flavour: str) -> str:
    """Both products have a 2.1 and later ones: which of them took a snapshot is told with the version."""
    return version if flavour == "vault" else f"{version}+{flavour}"


def flavour_of(vault_version: str) -> str:
    return "openbao" if vault_version.endswith("+openbao") else "vault"


def _content(manifest: Manifest) -> dict[str, t.Any]:
    return {
        _key(name, manifest.format): value
        for name, value in asdict(manifest).items()
        if name != "seal" or manifest.is_bound
    }


def _key(field: str, form: int) -> str:
    """What a manifest of this format calls a field. An old seal vouches for the old names."""
    return _BEFORE.get(field, field) if form < FORMAT else field


def parse(text: str | bytes) -> Manifest:
    """Raises ValueError with what is wrong."""
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(data, dict):
        raise ValueError("it is not an object")
    form = data.get("format")
    if isinstance(form, bool) or not isinstance(form, int) or form not in (UNBOUND, SEALED, FORMAT):
        raise ValueError(f"its format is {form}, and this tool knows {UNBOUND} to {FORMAT}")
    wanted = [(field, _key(field.name, form)) for field in fields(Manifest) if field.name != "seal" or form != UNBOUND]
    wrong = [key for field, key in wanted if not _fits(data.get(key), field.type)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} is missing or of the wrong type")
    # A later tool may add fields, which no seal of this format covers; the format changes where old tools must not read on.
    manifest = Manifest(**{field.name: data[key] for field, key in wanted})
    for text_of_time in (manifest.started_at, manifest.finished_at):
        if moment(epoch(text_of_time)) != text_of_time:
            raise ValueError(f"{text_of_time} is no time as this tool writes it")
    if manifest.name != name_of(manifest):
        # Each part of a name is believed where only names are seen.
        raise ValueError(f"{manifest.name} is no name of a snapshot with its cluster, begin, Raft index and node")
    return manifest


def _fits(value: t.Any, kind: t.Any) -> bool:
    """Whether it is what a field wants. A bool is no number here, and no size is below nothing."""
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, str)


def moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime(_MOMENT)


def epoch(text: str) -> float:
    """The other way round."""
    when = datetime.datetime.strptime(text, _MOMENT)
    return when.replace(tzinfo=datetime.timezone.utc).timestamp()


def name(cluster: str, cluster_id: str | None, node: str, started_at: str, index: int) -> str:
    """Without *cluster_id*, a name as older tools gave it."""
    of_id = f"_{short_id(cluster_id)}" if cluster_id else ""
    return f"{cluster}{of_id}_{_compact(started_at)}_{index}_{node}{SUFFIX}"


def name_of(made: Manifest) -> str | None:
    """The name that its fields give it; None where they give none."""
    cluster_id = made.cluster_id if made.is_bound else None
    found = name(made.cluster_name, cluster_id, made.node_name, made.started_at, made.raft_index)
    return found if NAME.fullmatch(found) else None


def short_id(cluster_id: str) -> str:
    """What stands for a cluster id in names: its beginning, as 'vault status' shows it."""
    try:
        return str(uuid.UUID(cluster_id))[:8]
    except ValueError:
        return hashlib.sha256(cluster_id.encode(errors="replace")).hexdigest()[:8]


def owner_of(file_name: str) -> tuple[str, str] | None:
    """The cluster and the node whose snapshot this is, or None for what is no snapshot."""
    match = NAME.fullmatch(file_name)
    return (match["cluster"], match["node"]) if match else None


def id_of(key: str) -> str | None:
    """The short form of the cluster id that a key, or a name, tells; None where it tells none."""
    match = _match(key)
    return match["id"] if match else None


def by_age(keys: t.Iterable[str]) -> list[str]:
    """The keys (or names) of manifests, oldest first: as they were begun, and within a second as Raft counts.

    The names alone say it, so a bucket has only to be listed. Keys of anything else are left out.
    """
    ordered = [
        (_order(match), key) for key in keys if key.endswith(MANIFEST_SUFFIX) for match in [_match(key)] if match
    ]
    return [key for _key_order, key in sorted(ordered)]


def whole(names: t.Collection[str]) -> list[str]:
    """Like by_age, but only manifests whose snapshot is among *names* as well."""
    there = set(names)
    return [name for name in by_age(names) if name[: -len(MANIFEST_SUFFIX)] in there]


def superseded(names: t.Iterable[str], made: Manifest, known: t.Container[str] = ()) -> list[str]:
    """All of *names* that belongs to an older snapshot of the same cluster id, newest first.

    A name of the older form tells no id: it is only among them if *known* has it, as a snapshot of this id. Another id is
    another cluster, whatever it is called: a new, empty one that took the place of a lost one supersedes nothing of that.

    A snapshot without its manifest is among them: it is of no use, and would stay for ever. What is not older, such as what
    claims to be from the future, is not: nothing shows that there is a better one.
    """
    order = (_compact(made.started_at), made.raft_index)
    found = [(match, name) for name in names for match in [_match(name)] if match]
    older = [
        (_order(match), name)
        for match, name in found
        if _order(match) < order
        and match["cluster"] == made.cluster_name
        and (match["id"] == short_id(made.cluster_id) if match["id"] else _snapshot(name) in known)
    ]
    return [name for _when, name in sorted(older, reverse=True)]


def newest_by_id(keys: t.Iterable[str]) -> dict[str | None, str]:
    """The newest manifest of each cluster id among *keys*; of those whose names tell none, under None."""
    return {id_of(key): key for key in by_age(keys)}


def is_future_dated(key: str, now: float) -> bool:
    """Whether a snapshot says that it was begun in the future: the clock of its node was wrong, and its age is unknown."""
    match = _match(key)
    return bool(match and match["started_at"] > _compact(moment(now + FUTURE_SECONDS)))


def started_at_of(key: str) -> str:
    """When a snapshot was begun, as its name tells it: to be compared with another one's."""
    match = _match(key)
    return match["started_at"] if match else ""


def _match(key: str) -> re.Match[str] | None:
    """Of the key, or the name, of a snapshot or of its manifest."""
    return NAME.fullmatch(_snapshot(key.rpartition("/")[2]))


def _snapshot(name: str) -> str:
    return name[: -len(MANIFEST_SUFFIX)] if name.endswith(MANIFEST_SUFFIX) else name


def _order(match: re.Match[str]) -> tuple[str, int]:
    return match["started_at"], int(match["index"])


def _compact(when: str) -> str:
    return re.sub("[-:]", "", when)


# In the context of each file whose manifest is sealed, and of no other. KMS compares it, so its name stays.
_BEGUN = "vaultops:begun"


def encryption_context(cluster_id: str, cluster_name: str, node: str, started_at: str) -> dict[str, str]:
    """What KMS is told of the data key, in its log and its policies, and without which it does not decrypt it.

    All that is known before the first byte: whoever has only the bucket can't make it look like an older tool's, whose
    manifests nobody vouches for.
    """
    return {**_cluster_context(cluster_id, cluster_name), "vaultops:node": node, _BEGUN: started_at}


def context_of(made: Manifest) -> dict[str, str]:
    """What its file must have been encrypted with."""
    if made.is_bound:
        return encryption_context(made.cluster_id, made.cluster_name, made.node_name, made.started_at)
    return _cluster_context(made.cluster_id, made.cluster_name)


def seal_context(made: Manifest) -> dict[str, str]:
    """What binds a manifest's fields to its cluster's key.

    Index and plain sum are known when the stream has ended, and the context of a file before it begins. So the manifest has a
    seal of its own: a short message, encrypted with the same key, with the manifest's sum in its context. It takes no more
    than a second kms:GenerateDataKey, and to open it kms:Decrypt under the same condition on the cluster's name as the file;
    CloudTrail shows the sum. The SDK's suite signs, so who may only decrypt makes none. A node can: it has the key.
    """
    return {**context_of(made), "vaultops:manifest-sha256": made.sum}


def tells_another(made: Manifest, found: t.Mapping[str, str]) -> bool:
    """Whether a file's context is not this manifest's: of another snapshot, or of one whose manifest had a seal."""
    wanted = context_of(made)
    return {name: found.get(name) for name in wanted} != wanted or (_BEGUN in found and not made.is_bound)


def _cluster_context(cluster_id: str, cluster_name: str) -> dict[str, str]:
    return {"vaultops:cluster-id": cluster_id, "vaultops:cluster-name": cluster_name}
