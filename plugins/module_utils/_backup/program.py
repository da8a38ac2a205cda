# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each of the tool's programs begins and ends: one option, signals, and a code for each kind of end."""

# They are programs of their own, and no modules.
# pylint: disable=ansible-bad-function
from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import typing as t

from .._snapshot.errors import Exit, Failure, Interrupted


def main(name: str, told: str, work: t.Callable[[str], None], arguments: list[str] | None = None) -> int:
    """*told*: what the program is for; *work*: what it does, given the path of its configuration."""
    parser = argparse.ArgumentParser(prog=name, description=told.split("\n", maxsplit=1)[0])
    parser.add_argument("--config", required=True, metavar="FILE", help="a JSON file")
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        work(options.config)
    except (Failure, Interrupted) as end:
        print(f"error: {end}", file=sys.stderr)
        return end.code
    return Exit.DONE


def say(text: str) -> None:
    print(text, flush=True)


def warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def warned() -> t.Iterator[None]:
    """On the way out with an error: what fails here is a warning, and the error is the last word."""
    try:
        yield
    except Failure as failure:
        warn(str(failure))


def _interrupt(number: int, _frame: t.Any) -> None:
    raise Interrupted(f"interrupted by {signal.Signals(number).name}")
