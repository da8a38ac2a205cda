# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a node's last probe went, by the metrics that it left there. Pure."""

from __future__ import annotations

import base64
import typing as t

from .._common import samples, words

Found = t.Mapping[str, t.Any]
SUCCESS, RUN = "vault_probe_success", "vault_probe_last_run_timestamp_seconds"
LAST_SUCCESS = "vault_probe_last_success_timestamp_seconds"
STEP, SECONDS = "vault_probe_step_success", "vault_probe_step_duration_seconds"
NOTHING: dict[str, t.Any] = dict.fromkeys(
    ("success", "failed_step", "seconds", "finished_at", "age_seconds", "last_success_at", "problem")
)


def part(now: float, found: Found | None) -> dict[str, t.Any] | None:
    """*found*: what slurp has read of the node's metrics, or why it could not; None where the nodes do not probe."""
    if found is None or found.get("skipped"):
        return None
    if not found.get("content"):
        return {**NOTHING, "problem": words.one_line(found.get("msg") or "no reason was given")}
    text = base64.b64decode(found["content"]).decode(errors="replace")
    values = samples.parse(text, (SUCCESS, RUN, LAST_SUCCESS, STEP, SECONDS))
    if SUCCESS not in values or RUN not in values:
        return {**NOTHING, "problem": "its metrics say nothing of a run"}
    of = {name: {_step(one): values[one] for one in values if samples.metric(one) == name} for name in (STEP, SECONDS)}
    return {
        **NOTHING,
        "success": values[SUCCESS] == 1,
        "failed_step": next((step for step, went_well in of[STEP].items() if not went_well), None),
        "seconds": round(sum(of[SECONDS].values()), 3),
        "finished_at": words.iso(values[RUN]),
        "age_seconds": int(now - values[RUN]),
        "last_success_at": words.iso(values[LAST_SUCCESS]) if LAST_SUCCESS in values else None,
    }


def _step(sample: str) -> str:
    return sample.partition('step="')[2].partition('"')[0]


def line(found: Found) -> str:
    if found["problem"]:
        return f"its last probe can't be read ({found['problem']})"
    when = words.ago(found["age_seconds"])
    if found["success"]:
        return f"probed {when} in {found['seconds']:.2f} s"
    return f"probe failed {when}{_at(found)}"


def findings(name: str, found: Found, limit_seconds: int) -> t.Iterator[tuple[str, str]]:
    """*limit_seconds*: how long ago the last one may be."""
    if found["problem"]:
        yield "unknown", f"{name}'s last probe can't be read: {found['problem']}"
        return
    when = words.ago(found["age_seconds"])
    if found["age_seconds"] > limit_seconds:
        yield "problem", f"{name}'s last probe was {when}: look at 'systemctl status vault-probe.timer' there"
    elif not found["success"]:
        yield (
            "problem",
            f"{name}'s probe failed {when}{_at(found)}: 'journalctl -u vault-probe' there says why",
        )


def _at(found: Found) -> str:
    return f" at its step {found['failed_step']}" if found["failed_step"] else " before its first step"
