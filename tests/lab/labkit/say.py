"""What the lab tells its user: progress lines, and errors that name a cause and a cure."""

import sys
import time
import typing as t


class LabError(Exception):
    """The lab can't go on. Says what is wrong, why, and what the user can do about it."""

    def __init__(self, problem: str, cause: str, cure: str) -> None:
        super().__init__(f"{problem}\n  cause: {cause}\n  cure:  {cure}")


def say(line: str) -> None:
    """Print at once: the reader of a pipe or a CI log must see a long step begin, not only end."""
    print(f"lab: {line}", file=sys.stderr, flush=True)


def wait_until(done: t.Callable[[], bool], seconds: float, pause: float = 0.1) -> bool:
    """Poll until `done()` is true; False when the time is up. The only way this lab waits for anything."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
