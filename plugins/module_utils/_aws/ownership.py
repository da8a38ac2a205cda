# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose a role or a bucket is, by its tag: names alone collide between clusters, and with what people made. Pure."""

from __future__ import annotations

import typing as t


def problems(
    what: str, tags: dict[str, t.Any] | None, tag: t.Mapping[str, str], untagged_is_ours: bool = False
) -> list[str]:
    """Why *what* must be left alone, as a list of at most one sentence. *tags* of None: it does not exist.

    *untagged_is_ours* is for what AWS can't create and tag in one call: a run that was cut short leaves it bare.
    """
    wanted = f"{tag['key']}={tag['value']}"
    if tags is None or tags.get(tag["key"]) == tag["value"] or (untagged_is_ours and tag["key"] not in tags):
        return []
    has = f"{tag['key']}={tags[tag['key']]}" if tag["key"] in tags else f"no tag {tag['key']}"
    return [
        f"{what} exists, and is not this cluster's: it has {has}. Nothing of it is changed. Choose another name, or, if "
        f"it is meant, tag it with {wanted} first."
    ]
