# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a service said last, without the audit entries that Vault's device on stdout puts beside its own words."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t

from .._common.errors import Problem

# In JSON, in JSON after a prefix, and in the other format that audit devices have, JSONx.
AUDIT = re.compile(r"""["']type["']\s*[:>]\s*["']?(request|response)\b|name=["']type["']>\s*(request|response)\b""")
# Where a device writes every request, the last words lie far back.
READ = 2000


def last_words(service: str, count: int) -> list[str]:
    command = ["journalctl", "--unit", service, "--no-pager", "--output", "json", "--lines", str(READ)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise Problem(f"The journal of {service} can't be read: journalctl can't be run ({error.strerror})") from error
    if done.returncode != 0:
        raise Problem(f"The journal of {service} can't be read: {done.stderr.strip()}")
    lines = done.stdout.splitlines()
    return own_words(lines, begins=len(lines) < READ)[-count:]


def own_words(exported: t.Iterable[str], begins: bool = True) -> list[str]:
    """The messages of lines in the journal's JSON, but for audit entries, and what is too long to be anything else.

    The journal cuts long lines; of a line that was cut no piece is kept: the later ones no longer show what they belong to.
    *begins*: whether nothing stands before the lines. If something does, the first of them may be such a piece.
    """
    words, cut, first = [], set(), not begins
    for line in exported:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        stream, message = entry.get("_STREAM_ID"), entry.get("MESSAGE")
        continues = stream in cut or (first and stream is not None)
        first = False
        cut.discard(stream)
        if entry.get("_LINE_BREAK") == "line-max":
            cut.add(stream)
        # Null is a message that journalctl holds to be too long, a list one that is no text.
        elif not continues and isinstance(message, str) and not AUDIT.search(message):
            words.append(message)
    return words
