"""An AWS on loopback with more than one region: its multi-Region keys open in each of them what any of them encrypted, and its
buckets replicate. moto's do neither.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import typing as t
import urllib.request
from pathlib import Path

from kit.paths import ROOT

# The checkout's own, whichever ansible-core is tested.
PYTHON = ROOT / ".venv" / "bin" / "python"
ACCOUNT = "123456789012"
HOME, SECOND = "eu-central-1", "eu-west-1"
START_SECONDS = 60
# Id and secret of the account's own key.
ROOT_KEY = "test"


@contextlib.contextmanager
def ministack(folder: Path, is_strict: bool = False) -> t.Iterator[str]:
    """URL of an empty account. *folder*: what the process writes is there. *is_strict*: signatures are verified, and IAM decides
    what anybody may who has not ROOT_KEY."""
    with socket.socket() as listener, (folder / "ministack.log").open("wb") as log:
        listener.bind(("127.0.0.1", 0))
        # Whoever asks before the process does anything waits in the line.
        listener.listen(64)
        number, port = listener.fileno(), listener.getsockname()[1]
        # By a socket of this process, so that it listens on no other address. Of its services only these are started.
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SERVICES": "kms,s3,iam,sts,ssm,secretsmanager,ec2,elbv2,sns,events,monitoring",
            "AUTH": "true" if is_strict else "false",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }
        command = [str(PYTHON), "-m", "hypercorn", "ministack.app:app", "--bind", f"fd://{number}"]
        process = subprocess.Popen(
            command,
            env=env,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[number],
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=START_SECONDS) as answer:
                answer.read()
            yield url
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)
