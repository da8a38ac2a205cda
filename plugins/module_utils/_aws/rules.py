# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a company asks of everything in its accounts: a path and a boundary in IAM, and tags. Why it can't be kept. Pure."""

from __future__ import annotations

import re
import typing as t

from .._common.aws import REGION_TAG
from .instances import COMPLETE_TAG
from .ownership import LABELS, Thing
from .volumes import TAG as VOLUMES_TAG

_IN_IAM = ("role", "instance_profile", "managed_policy")
_PATH = re.compile(r"/([\x21-\x7e]+/)?")
_BOUNDARY = re.compile(r"arn:[\w-]+:iam::(\d{12}|aws):policy/\S+")
# What the collection tells its things by, besides the cluster's own tag.
RESERVED = ("Name", REGION_TAG, COMPLETE_TAG, VOLUMES_TAG, "vaultops:alias")
# AWS takes 50 a thing, and some are the cluster's own.
MOST_TAGS, KEY_CHARACTERS, VALUE_CHARACTERS = 40, 128, 256


def problems(
    things: t.Sequence[Thing],
    path: str,
    boundary: str,
    tags: t.Mapping[str, t.Any],
    cluster_tag: str,
    node_role: str,
) -> list[str]:
    """*things*: of aws_cluster_info. *cluster_tag*: the key of the tag that all of the cluster carries. *node_role*: the name
    that the inventory gives the nodes' role and its instance profile."""
    found = []
    if not _PATH.fullmatch(path) or len(path) > 512:
        found.append(f"vault_iam_path is '{path}'. It begins and ends with a slash, such as /company/, and / is none.")
    else:
        found += [
            f"{LABELS[thing['kind']]} {thing['name']} exists as {thing['id']}, and vault_iam_path is {path}. IAM can't move "
            f"it: put back {_path_of(thing)}, {_or_else(thing, node_role)}."
            for thing in things
            if thing["kind"] in _IN_IAM and thing["named"] and _path_of(thing) != path
        ]
    if boundary and not _BOUNDARY.fullmatch(boundary):
        found.append(
            f"vault_iam_permissions_boundary is '{boundary}', which is no policy's ARN. Give one such as "
            "arn:aws:iam::111122223333:policy/boundary."
        )
    return found + _tag_problems(tags, cluster_tag)


def others_policies(attached: t.Sequence[t.Mapping[str, str]], listed: t.Sequence[str], role: str) -> list[str]:
    """Managed policies that the nodes' role has and nobody listed, in words. *attached*: as amazon.aws.iam_role returns them."""
    others = sorted({each["policy_arn"] for each in attached} - {*listed})
    if not others:
        return []
    return [
        f"The role {role} has {', '.join(others)}, which vault_aws_node_managed_policies does not list. What others attach "
        "stays; whatever it allows, every node may do."
    ]


def _tag_problems(tags: t.Mapping[str, t.Any], cluster_tag: str) -> list[str]:
    found = []
    taken = sorted(key for key in tags if key in (*RESERVED, cluster_tag) or key.lower().startswith("aws:"))
    if taken:
        found.append(
            f"vault_aws_tags has {', '.join(taken)}. AWS keeps keys that begin with aws: to itself, and by the others the "
            "cluster tells its own things. Choose other keys."
        )
    if len(tags) > MOST_TAGS:
        found.append(
            f"vault_aws_tags has {len(tags)} tags. Give {MOST_TAGS} at most: AWS takes 50, and some are the cluster's."
        )
    long = sorted(
        key for key, value in tags.items() if not 0 < len(key) <= KEY_CHARACTERS or len(str(value)) > VALUE_CHARACTERS
    )
    if long:
        found.append(
            f"vault_aws_tags: '{', '.join(long)}' is not as AWS takes it: a key has 1 to {KEY_CHARACTERS} characters, and "
            f"a value {VALUE_CHARACTERS} at most."
        )
    return found


def _or_else(thing: Thing, node_role: str) -> str:
    if thing["name"] == node_role:
        return "or choose another vault_node_role for new nodes"
    if thing["kind"] == "managed_policy":
        return "or delete it: provision.yml makes it anew, to be attached to the identity that runs init"
    if thing["name"].endswith("-drill"):
        return "or delete it: provision.yml makes it anew, and until then no drill has a machine"
    # No input names the role of the replication: its name follows from the cluster's.
    return "or delete it: provision.yml makes it anew, and until then S3 copies no snapshot to the second region"


def _path_of(thing: Thing) -> str:
    """Of an ARN such as arn:aws:iam::111122223333:role/company/NAME."""
    _kind, slash, rest = thing["id"].rpartition(":")[2].partition("/")
    return slash + rest.rpartition("/")[0] + ("/" if "/" in rest else "")
