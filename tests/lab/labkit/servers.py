"""The two servers on the host that the nodes talk to: the AWS stand-in and the release mirror."""

import dataclasses
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from . import mirror, ports, process
from .say import LabError, say, wait_until
from .settings import AWS_PORT, MIRROR_PORT, Lab

STAND_IN = "aws-stand-in"
MIRROR = "release-mirror"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # lab addresses never go through a proxy


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    port: int
    argv: list[str]


def all_of(lab: Lab) -> list[Server]:
    """Both listen on the bridge's own address only: nothing outside this host can reach them."""
    aws = [sys.executable, str(Path(__file__).parents[1] / "aws_standin.py"), "-H", lab.gateway, "-p", str(AWS_PORT)]
    web = [
        sys.executable,
        "-m",
        "http.server",
        "--bind",
        lab.gateway,
        "--directory",
        str(mirror.root()),
        str(MIRROR_PORT),
    ]
    return [Server(STAND_IN, AWS_PORT, aws), Server(MIRROR, MIRROR_PORT, web)]


def running(lab: Lab, name: str) -> bool:
    return process.recorded(process.pid_file(name, lab.state)) is not None


def check_ports(lab: Lab) -> None:
    for server in all_of(lab):
        if running(lab, server.name):
            continue
        holder = ports.listener(lab.gateway, server.port)
        if holder:
            raise LabError(
                f"port {server.port}, which the lab's {server.name} needs on {lab.gateway}, is in use",
                f"{holder} listens on it, and this lab didn't start that",
                "stop that process, then run this again",
            )


def ensure(lab: Lab) -> None:
    for server in all_of(lab):
        found = running(lab, server.name)
        if not found:
            say(f"starting the {server.name} on {lab.gateway}:{server.port}")
            process.start(server.name, server.argv, lab.state, _environment(lab))
        _wait_for_answer(lab, server, found)


def stop(lab: Lab) -> list[str]:
    return [server.name for server in all_of(lab) if process.stop(server.name, lab.state)]


def answers(lab: Lab, server: Server) -> bool:
    try:
        _DIRECT.open(f"http://{lab.gateway}:{server.port}/", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _wait_for_answer(lab: Lab, server: Server, found: bool) -> None:
    done = wait_until(lambda: not running(lab, server.name) or answers(lab, server), 30)
    if not running(lab, server.name):
        if found:
            raise LabError(
                f"the lab's {server.name} server ended while this command was looking at it",
                "somebody stopped it, or `down` is at work",
                "run this again",
            )
        raise process.died(server.name, lab.state)
    if not done:
        words = process.tail(process.log_file(server.name, lab.state))
        raise LabError(
            f"the lab's {server.name} doesn't answer on {lab.gateway}:{server.port}",
            f"it runs but said nothing within 30 s; its log ends: {words}",
            f"`{lab.clean_command}`, then run `make lab` again",
        )


def requests_file(lab: Lab) -> Path:
    """What was asked of the AWS stand-in."""
    return lab.state / "aws-requests.jsonl"


def _environment(lab: Lab) -> dict[str, str]:
    """Nothing of the user's: no AWS credentials, no proxies, no PYTHONPATH."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # such as the one for sessions through SSM
        "VAULTOPS_AWS_REQUESTS": str(requests_file(lab)),
    }
