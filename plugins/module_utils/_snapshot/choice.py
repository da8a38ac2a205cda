# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which snapshot 'newest' means, and when nobody but a person can say. Pure."""

from __future__ import annotations

import typing as t

from . import manifest


class NoChoice(Exception):
    """None of them, or more than one, may be meant."""

    def __init__(self, cause: str, candidates: t.Iterable[str]) -> None:
        super().__init__(cause)
        self.candidates = sorted(candidates, key=manifest.started_at_of)


def newest(names: t.Iterable[str], told: t.Mapping[str, str], cluster_id: str | None) -> str:
    """The name of a manifest among *names*, which are complete and of one cluster's name.

    *told*: the short cluster id of those whose own names tell none; what is not in it can't be read, and does not count.
    *cluster_id*: of the cluster that serves, where one does. Without it several ids are several clusters: the newest may be
    that of an empty one that has taken the place of the one that was lost.
    """
    sealed: dict[str, str] = {}
    unbound: dict[str, str] = {}
    for name in manifest.by_age(names):
        of_name = manifest.id_of(name)
        if of_name:
            sealed[of_name] = name
        elif name in told:
            unbound[told[name]] = name
    ids = {**unbound, **sealed}
    if cluster_id is not None:
        wanted = manifest.short_id(cluster_id)
        if wanted not in ids:
            raise NoChoice(f"there is no complete one of the cluster id {cluster_id}", ids.values())
    elif len(ids) == 1:
        wanted = next(iter(ids))
    else:
        raise NoChoice("they are of several clusters of this name" if ids else "none can be read", ids.values())
    chosen, other = ids[wanted], unbound.get(wanted, "")
    if wanted in sealed and manifest.started_at_of(other) > manifest.started_at_of(chosen):
        # Where manifests are sealed, an unsealed one that is newer may be an old one under another name.
        raise NoChoice("the newest has no seal, and an older one has", (other, chosen))
    return chosen
