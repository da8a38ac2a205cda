# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which parts of site.yml a run is limited to by --tags. Pure.

Every task runs whatever the tags are, and asks here whether its part is chosen: Ansible's own choice of tasks would leave out
what later ones build on. A run that is limited to preflight changes nothing.
"""

from __future__ import annotations

import typing as t

# What a role would do on a node, by the role's name without its prefix; preflight and cluster do nothing to a node.
ROLES: dict[str, tuple[str, ...]] = {
    "preflight": (),
    "install": ("install",),
    "tls": ("tls",),
    "configure": ("volumes", "server", "metadata"),
    "cluster": (),
    # The tool's user has to be let through to the metadata service.
    "backup": ("backup", "metadata"),
}
EVERYTHING = "all"
# What leaves out a step where it is skipped. Molecule, for one, always skips tags of its own, which no step has.
OF_STEPS = {*ROLES, EVERYTHING, "always", "tagged", "untagged"}

Todo = t.Mapping[str, t.Sequence[str]]


def chosen(tags: t.Collection[str]) -> list[str]:
    """*tags*: Ansible's ansible_run_tags."""
    return [part for part in ROLES if EVERYTHING in tags or part in tags]


def of_todo(todo: Todo, tags: t.Collection[str], others: bool = False) -> Todo:
    """What of *todo*, by role, belongs to the parts that are chosen; or what belongs to *others* alone."""
    roles = {role for part in chosen(tags) for role in ROLES[part]}
    return {role: what if (role in roles) != others else [] for role, what in todo.items()}


def tags_problem(tags: t.Sequence[str], skipped: t.Sequence[str], known: t.Sequence[str]) -> str:
    """Why a playbook can't be limited to *tags*, or go without those *skipped*; *known*: its parts."""
    # Beside all it leaves out nothing: --list-tags puts it there.
    never = ["never"] if EVERYTHING in tags else []
    unknown = [tag for tag in tags if tag not in (*known, EVERYTHING, *never)]
    skipped = sorted(tag for tag in skipped if tag in OF_STEPS)
    if not unknown and not skipped:
        return ""
    said = f"--tags {','.join(unknown)}" if unknown else f"--skip-tags {','.join(skipped)}"
    if not known:
        return f"{said}: the steps of this playbook need each other. Run it without --tags and --skip-tags."
    return (
        f"{said}: this playbook can be limited with --tags to one or more of {', '.join(known)}, and in no other way."
    )


def start_problem(task: str | None) -> str:
    """Why no playbook can begin with a *task* in its middle (--start-at-task): a confirmation, a check, the lease."""
    if not task:
        return ""
    return (
        f"--start-at-task {task}: the steps of this playbook need each other. Run it without --start-at-task: a run goes on from "
        "what is there."
    )


def cluster_problem(tags: t.Collection[str], standings: t.Mapping[str, str], whole: bool) -> str:
    """Why a run that is limited to parts would leave a cluster half made; *standings* of its nodes, by name, and whether the
    cluster is *whole*: it serves, and no initialisation of it waits to be finished."""
    parts = chosen(tags)
    others = [f"{name} ({standing})" for name, standing in standings.items() if standing != "serving"]
    if EVERYTHING in tags or parts in ([], ["preflight"]) or whole and not others:
        return ""
    cause = f"These nodes do not serve: {', '.join(others)}" if others else "The cluster does not serve yet"
    return (
        f"--tags {','.join(parts)}: parts can be chosen of a cluster that serves with every node. {cause}. "
        "Run site.yml without --tags, which brings up the whole; --tags preflight shows what that would do."
    )
