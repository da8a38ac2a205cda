# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The numbers that monitoring alerts on, as a textfile for node_exporter. They survive failed runs."""

from __future__ import annotations

import contextlib
import math
import os
import re

from .._snapshot.errors import Exit, Failure

Values = dict[str, float]

HELP = {
    "vault_backup_last_success_timestamp_seconds": "When the last snapshot was completely in its place.",
    "vault_backup_last_duration_seconds": "How long the last successful run took.",
    "vault_backup_last_size_bytes": "Size of the last snapshot, plain and encrypted.",
    "vault_backup_last_raft_index": "Raft index of the last snapshot.",
    "vault_backup_last_attempt_timestamp_seconds": "When the last run ended, whatever its end.",
    "vault_backup_last_exit_code": "Exit code of the last run; 0 also for one on a node that is not active.",
}
_SAMPLE = re.compile(r"^(vault_backup_\w+(?:\{[^}]*\})?) (\S+)$")


def attempt(now: float, code: int) -> Values:
    return {"vault_backup_last_attempt_timestamp_seconds": now, "vault_backup_last_exit_code": code}


def success(now: float, duration: float, plain_bytes: int, encrypted_bytes: int, index: int) -> Values:
    return {
        "vault_backup_last_success_timestamp_seconds": now,
        "vault_backup_last_duration_seconds": duration,
        'vault_backup_last_size_bytes{kind="plain"}': plain_bytes,
        'vault_backup_last_size_bytes{kind="encrypted"}': encrypted_bytes,
        "vault_backup_last_raft_index": index,
    }


def parse(text: str) -> Values:
    """What an earlier run wrote. Lines that can't be read are let go."""
    values = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if match:
            with contextlib.suppress(ValueError):
                value = float(match.group(2))
                if math.isfinite(value):
                    values[match.group(1)] = value
    return values


def render(values: Values) -> str:
    lines = []
    for name, text in HELP.items():
        samples = sorted(sample for sample in values if sample.split("{")[0] == name)
        if samples:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
            lines += [f"{sample} {_number(values[sample])}" for sample in samples]
    return "\n".join(lines) + "\n"


def update(path: str, changes: Values) -> None:
    """Replace the file in one step: node_exporter may read it at any time."""
    try:
        before: Values = {}
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as old:
            before = parse(old.read())
        # Always the same name, so that a killed run leaves one at most; without '.prom' at its end it is not collected.
        partial = f"{path}.partial"
        # What is left there may be another user's: the tool once ran as user vault.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        with open(partial, "w", encoding="utf-8") as stream:
            stream.write(render({**before, **changes}))
            os.fchmod(stream.fileno(), 0o644)
        os.rename(partial, path)
    except OSError as error:
        raise Failure(
            Exit.DISK, f"the metrics could not be written to {path} ({error.strerror})", "Monitoring sees old ones."
        ) from error


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}"
