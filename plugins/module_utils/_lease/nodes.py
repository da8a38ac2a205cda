# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether this controller alone may change the cluster, by the nodes' answers. Pure."""

from __future__ import annotations

import typing as t

from .._common import words

# Of a lease's time, what the controller leaves unused: clocks don't run at quite the same speed.
MARGIN = 0.1
RECOVERY = "recover_quorum"


class Moment(t.TypedDict):
    """The controller's clocks. *boot* is of this boot only, *wall* may be set: neither is trusted alone."""

    wall: float
    boot: float
    boot_id: str


Answers = t.Mapping[str, t.Mapping[str, t.Any]]


def verdict(nodes: t.Sequence[str], answers: Answers, asked_at: float | None) -> str:
    """Why the lease is not held, or nothing. More than half of all *nodes* must have granted it, in answer to this question.
    Without a question, *answers* are what vault_node_info has seen: whether they would grant it.

    Two controllers can't both be told so, because any two majorities have a node in common, and a node grants to one.
    """
    granted = [node for node in nodes if _granted(answers.get(node), asked_at)]
    needed = len(nodes) // 2 + 1
    recovering = [node for node in nodes if node not in granted and _recovers(answers.get(node))]
    if len(granted) >= needed and not recovering:
        return ""
    grants = "granted" if asked_at is not None else "would grant"
    count = f"{len(granted)} of {len(nodes)} nodes {grants} this run the lease of the cluster, and {needed} must"
    if recovering:
        count += f", and {', '.join(recovering)} may become the whole cluster at any moment"
    refusing: dict[str, list[str]] = {}
    silent = []
    # A task that a node was asked by leaves a result, be it that the node was not reached.
    unasked = [node for node in nodes if not answers.get(node)]
    for node in nodes:
        answer = answers.get(node) or {}
        if node in granted:
            continue
        answers_this = answer.get("asked_at") == asked_at and "msg" not in answer
        if answers_this and answer.get("lease"):
            refusing.setdefault(described(answer["lease"]), []).append(node)
        elif answer and answers_this:
            silent.append(f"{node} has no lease of this run any more")
        else:
            silent.append(f"{node}: {_one_line(answer.get('msg') or ('no answer' if answer else 'it was not asked'))}")
    parts = [f"{holder} has that of {', '.join(held)}" for holder, held in refusing.items()]
    cures = []
    if refusing:
        names = sorted({answers[node]["lease"]["who"] for held in refusing.values() for node in held})
        cures.append(
            "Wait until that run has ended or the lease has run out. If it is certain that the run is dead, "
            f"-e vault_lease_take_over={','.join(names)} takes its lease."
        )
    if unasked:
        cures.append("A part of the nodes can't speak for the cluster. Run it without --limit.")
    if len(silent) > len(unasked):
        cures.append("Bring the nodes that gave no lease back, and begin again.")
    return " ".join([f"{count}: {'; '.join(parts + silent)}.", *cures])


def turn_problem(answer: t.Mapping[str, t.Any], node: str, taken: Moment, now: Moment, minutes: float) -> str:
    """Why this run may not go on with *node*, where only that node can be asked, or nothing.

    The node must have the run's lease, and those that were asked at *taken* can't have let it run out yet.
    """
    if not answer.get("granted"):
        kept = answer.get("lease")
        why = f"{described(kept)} has it" if kept else _one_line(answer.get("msg") or "nobody has it")
        return f"{node} has no lease of this run any more ({why}), so another run may be at work. Begin again."
    passed = elapsed(taken, now)
    if passed is None or passed > minutes * 60 * (1 - MARGIN):
        since = "unknown, because this machine was restarted" if passed is None else f"{words.duration(passed)} ago"
        return (
            f"The lease of {minutes:g} minutes was last granted by a majority {since}, so another run may be at work. "
            "Begin again, with a larger vault_lease_minutes."
        )
    return ""


def since_read(read: Answers, answers: Answers) -> str:
    """Why what was *read* of the nodes, before the lease was taken, may not hold any more, or nothing.

    Who had the lease in between left its mark. A node that did not answer is the verdict's concern.
    """
    other = [
        node
        for node, seen in read.items()
        if "mark" in answers.get(node, {}) and seen.get("mark") != answers[node]["mark"]
    ]
    if not other:
        return ""
    return (
        f"Since this run read {', '.join(other)}, another run has had the lease of the cluster there, so what was read may not "
        "hold any more. Nothing was changed. Begin again."
    )


def elapsed(then: Moment, now: Moment) -> float | None:
    """Seconds that may have passed, by the clock that says more of them; None where that can't be known."""
    if then["boot_id"] != now["boot_id"]:
        return None
    return max(now["boot"] - then["boot"], now["wall"] - then["wall"])


def cause(result: t.Mapping[str, t.Any], task: t.Mapping[str, t.Any]) -> str:
    """What to say again of a task that failed, after something else was done."""
    if result.get("_ansible_no_log") or task.get("no_log"):
        return (
            f"'{task.get('name') or 'A task'}' failed. What it said is hidden, because it may hold a secret (no_log)."
        )
    failed = [item for item in result.get("results") or [] if isinstance(item, t.Mapping) and item.get("failed")]
    said = [str(item.get("msg") or item.get("stderr") or "") for item in failed]
    said = [one for one in said if one] or [
        str(result.get("msg") or result.get("stderr") or result.get("reason") or "")
    ]
    return "\n".join(one for one in said if one) or f"'{task.get('name') or 'A task'}' failed."


def kept(returns: Answers) -> str:
    """On which nodes the lease could not be given back, or nothing. *returns* are the nodes' answers to that."""
    left = [
        f"{node} ({_one_line(answer.get('msg') or 'it was not reached')})"
        for node, answer in returns.items()
        if not answer.get("skipped") and "granted" not in answer
    ]
    return f"The lease could not be given back on {'; '.join(left)}. There it runs out by itself." if left else ""


def _granted(answer: t.Mapping[str, t.Any] | None, asked_at: float | None) -> bool:
    """An answer that is left from an earlier question, or of a node that was not reached, is none."""
    if not answer or answer.get("failed") or answer.get("unreachable"):
        return False
    return answer.get("granted") is True and answer.get("asked_at") == asked_at


def _recovers(answer: t.Mapping[str, t.Any] | None) -> bool:
    """Whether a recovery of the quorum has the node's lease. It asks the nodes that are left alone, maybe less than half."""
    return ((answer or {}).get("lease") or {}).get("playbook") == RECOVERY


def described(lease: t.Mapping[str, t.Any]) -> str:
    job = f", {lease['job']}" if lease.get("job") else ""
    since, expires = (words.time(words.iso(lease[name])) for name in ("since", "expires"))
    return f"{lease['who']} ({lease['playbook'] or 'playbook unknown'}{job}, since {since}, runs out {expires})"


def _one_line(text: str) -> str:
    return " ".join(str(text).split()).rstrip(".")
