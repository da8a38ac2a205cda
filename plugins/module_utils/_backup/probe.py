# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a client does, from this node: log in, write, read back what was written, and give the token back.

It writes to the token's own cubbyhole, which goes with the token: nobody else's data is touched, and nothing has to be mounted.
Login and write are kept by Raft, so they succeed only where a majority of the voters has them. A standby passes all of it on,
so each node proves its own way to the active one as well.
"""

from __future__ import annotations

import secrets
import time
import typing as t

from .._common.samples import Values
from .._snapshot.errors import Exit, Failure, Interrupted
from . import textfile
from .config import Probe
from .program import say, warn, warned
from .vault import Node

PLACE = "cubbyhole/vaultops-probe"
LAST_SUCCESS = "vault_probe_last_success_timestamp_seconds"
HELP = {
    "vault_probe_success": "Whether the last probe went well in all of its steps.",
    "vault_probe_step_success": "Whether this step of the last probe went well. A step that was not reached is not here.",
    "vault_probe_step_duration_seconds": "How long this step of the last probe took, whatever its end.",
    "vault_probe_last_run_timestamp_seconds": "When the last probe ended, whatever its end.",
    LAST_SUCCESS: "When the last probe that went well ended.",
}


class Steps:
    """How far a probe has come: seconds of each step that was begun, and whether it went well."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def take(self, name: str, call: t.Callable[[], t.Any]) -> t.Any:
        begun = time.monotonic()
        try:
            return call()
        except BaseException as end:
            self.failed.append(name)
            if isinstance(end, Failure):
                raise Failure(end.code, f"the probe fails at its step {name}: {end.cause}", end.cure) from end
            raise
        finally:
            self.seconds[name] = time.monotonic() - begun


def run(config: Probe) -> None:
    """Raises Failure, which names the step."""
    steps = Steps()
    try:
        _probe(Node(config.vault), steps)
    except BaseException:
        with warned():
            _report(config, steps, False)
        raise
    _report(config, steps, True)
    said = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in steps.seconds.items())
    say(f"{config.node_name}: the probe went well: {said}.")


def _probe(node: Node, steps: Steps) -> None:
    token = steps.take("login", node.log_in)
    value = secrets.token_hex(16)
    try:
        steps.take("write", lambda: node.write(token, PLACE, {"value": value}))
        steps.take("read", lambda: _read_back(node, token, value))
    except (Failure, Interrupted):
        try:
            steps.take("revoke", lambda: node.revoke(token))
        except Failure as second:
            warn(f"{second} The token ends by its own time to live.")
        raise
    steps.take("revoke", lambda: node.revoke(token))


def _read_back(node: Node, token: str, value: str) -> None:
    found = node.read(token, PLACE)
    if not isinstance(found, dict) or found.get("value") != value:
        raise Failure(
            Exit.VAULT,
            "Vault gave another value than the one that it took a moment ago",
            "Look at playbooks/status.yml: one node may serve old data.",
        )


def samples(now: float, steps: Steps, succeeded: bool) -> Values:
    found: Values = {"vault_probe_success": int(succeeded), "vault_probe_last_run_timestamp_seconds": now}
    for name, seconds in steps.seconds.items():
        found[f'vault_probe_step_success{{step="{name}"}}'] = int(name not in steps.failed)
        found[f'vault_probe_step_duration_seconds{{step="{name}"}}'] = seconds
    return {**found, LAST_SUCCESS: now} if succeeded else found


def _report(config: Probe, steps: Steps, succeeded: bool) -> None:
    if config.metrics_file is not None:
        textfile.update(config.metrics_file, HELP, samples(time.time(), steps, succeeded), (LAST_SUCCESS,))
