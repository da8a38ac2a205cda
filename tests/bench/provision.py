"""provision.yml from nothing and without a change, beside one question to AWS that Ansible asks by itself, in one run.

Prints a table, and ends with 1 when a figure is missed. AWS is a stand-in on loopback, which answers at once: what is measured is
the collection's and Ansible's own time. Needs no lab.
"""

from __future__ import annotations

import logging
import os
import socketserver
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from kit.account import EVERYTHING, Account, count
from labkit import moto_volumes
from moto.server import ThreadedMotoServer

FROM_NOTHING_SECONDS_AT_MOST = 30.0
NOTHING_TO_DO_SECONDS_AT_MOST = 12.0
QUESTIONS_AT_MOST = 10.0
RUNS = 3
RUN_SECONDS = 60


class Row(t.NamedTuple):
    what: str
    seen: float
    at_most: float | None = None
    unit: str = "s"

    def __str__(self) -> str:
        most = "" if self.at_most is None else f"{self.at_most:10.1f}{self.unit}"
        return f"{self.what:46}{self.seen:9.2f}{self.unit}{most}"


def timed(account: Account, *, changes: bool) -> float:
    begun = time.monotonic()
    run = account.provision()
    seconds = time.monotonic() - begun
    if run.code != 0 or (run.changed > 0) is not changes:
        sys.exit(f"this run was to {'make everything' if changes else 'change nothing'}:\n{run.output}")
    return seconds


def question(account: Account) -> float:
    """How long Ansible takes to ask AWS once, who asks."""
    asked = ["ansible", "localhost", "-m", "amazon.aws.aws_caller_info"]
    asked += ["-a", f"region=eu-central-1 endpoint_url={account.url} access_key=unit secret_key=unit"]
    begun = time.monotonic()
    subprocess.run(asked, env=os.environ, check=True, stdout=subprocess.DEVNULL, timeout=RUN_SECONDS)
    return time.monotonic() - begun


def main() -> int:
    made, nothing, questions = [], [], []
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # Otherwise each answer waits 40 ms for what the client says of its headers.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    for where, name, replacement in moto_volumes.replacements():
        setattr(where, name, replacement)
    aws = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    aws.start()
    host, port = aws.get_host_and_port()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(RUNS):
            (Path(folder) / str(number)).mkdir()
            account = Account(f"http://{host}:{port}", Path(folder) / str(number))
            made.append(timed(account, changes=True))
            if count(account.made()) != EVERYTHING:
                sys.exit(f"not all of it was made: {count(account.made())}")
            nothing.append(timed(account, changes=False))
            questions.append(question(account))
    aws.stop()
    once = statistics.median(questions)
    rows = [
        Row("one question to AWS", once),
        Row("from nothing", statistics.median(made), FROM_NOTHING_SECONDS_AT_MOST),
        Row("nothing to do", statistics.median(nothing), NOTHING_TO_DO_SECONDS_AT_MOST),
        Row("nothing to do / one question", statistics.median(nothing) / once, QUESTIONS_AT_MOST, "x"),
    ]
    print(f"{'':46}{'seen':>10}{'at most':>11}")
    print(*rows, sep="\n")
    return int(any(row.at_most is not None and row.seen > row.at_most for row in rows))


if __name__ == "__main__":
    sys.exit(main())
