# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is known of one snapshot: the JSON file beside it. Pure."""

from __future__ import annotations

import datetime
import json
import re
import typing as t
from dataclasses import asdict, dataclass, fields

FORMAT = 1
SUFFIX = ".snap.encrypted"
MANIFEST_SUFFIX = ".json"
NAME = re.compile(
    r"(?P<cluster>[A-Za-z0-9-]+)_(?P<begun>\d{8}T\d{6}Z)_(?P<index>\d+)_(?P<node>[A-Za-z0-9._-]+)" + re.escape(SUFFIX)
)
# The tag of what a newer snapshot has superseded: all that the bucket's lifecycle may expire.
SUPERSEDED = {"Key": "vaultops-superseded", "Value": "true"}
# By how much clocks may differ. What is begun later than that is not believed.
AHEAD_SECONDS = 300
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Manifest:
    format: int
    name: str  # of the encrypted file
    cluster_id: str
    cluster_name: str
    node_name: str
    vault_version: str
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
    begun: str  # UTC
    ended: str

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @property
    def begun_at(self) -> float:
        return epoch(self.begun)


def parse(text: str | bytes) -> Manifest:
    """Raises ValueError with what is wrong."""
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("it is not an object")
    if data.get("format") != FORMAT:
        raise ValueError(f"its format is {data.get('format')}, and this tool knows {FORMAT}")
    wrong = [
        field.name
        for field in fields(Manifest)
        if not isinstance(data.get(field.name), int if field.type == "int" else str)
    ]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} is missing or of the wrong type")
    # A later tool may add fields; the format changes where old tools must not read on.
    manifest = Manifest(**{field.name: data[field.name] for field in fields(Manifest)})
    for text_of_time in (manifest.begun, manifest.ended):
        epoch(text_of_time)
    if not NAME.fullmatch(manifest.name):
        raise ValueError(f"{manifest.name} is no name of a snapshot")
    return manifest


def moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime(_MOMENT)


def epoch(text: str) -> float:
    """The other way round."""
    when = datetime.datetime.strptime(text, _MOMENT)
    return when.replace(tzinfo=datetime.timezone.utc).timestamp()


def name(cluster: str, node: str, begun: str, index: int) -> str:
    return f"{cluster}_{_compact(begun)}_{index}_{node}{SUFFIX}"


def owner_of(file_name: str) -> tuple[str, str] | None:
    """The cluster and the node whose snapshot this is, or None for what is no snapshot."""
    match = NAME.fullmatch(file_name)
    return (match["cluster"], match["node"]) if match else None


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


def superseded(names: t.Iterable[str], made: Manifest) -> list[str]:
    """All of *names* that belongs to an older snapshot of the same cluster, newest first.

    A snapshot without its manifest is among them: it is of no use, and would stay for ever. What is not older, such as what
    claims to be from the future, is not: nothing shows that there is a better one.
    """
    order = (_compact(made.begun), made.raft_index)
    found = [(_order(match), name, match["cluster"]) for name in names for match in [_match(name)] if match]
    older = [(when, name) for when, name, cluster in found if when < order and cluster == made.cluster_name]
    return [name for _when, name in sorted(older, reverse=True)]


def is_ahead(key: str, now: float) -> bool:
    """Whether a snapshot says that it was begun in the future: the clock of its node was wrong, and its age is unknown."""
    match = _match(key)
    return bool(match and match["begun"] > _compact(moment(now + AHEAD_SECONDS)))


def _match(key: str) -> re.Match[str] | None:
    """Of the key, or the name, of a snapshot or of its manifest."""
    name = key.rpartition("/")[2]
    return NAME.fullmatch(name[: -len(MANIFEST_SUFFIX)] if name.endswith(MANIFEST_SUFFIX) else name)


def _order(match: re.Match[str]) -> tuple[str, int]:
    return match["begun"], int(match["index"])


def _compact(when: str) -> str:
    return re.sub("[-:]", "", when)


def encryption_context(cluster_id: str, cluster_name: str) -> dict[str, str]:
    """What KMS is told of the data key, in its log and its policies, and without which it does not decrypt it."""
    return {"vaultops:cluster-id": cluster_id, "vaultops:cluster-name": cluster_name}
