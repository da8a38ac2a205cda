"""The test lab, the play, and a look at what it left."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

import boto3
import pytest
import requests
import yaml
from kit.paths import ROOT
from labkit.aws import assume
from labkit.settings import REGION, Lab

RUN_SECONDS = 240


def end_family(pid: int) -> int:
    """SIGKILL the play's workers, which have sessions of their own, and then the play; returns its process group."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    for member in sorted(family, reverse=True):
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    return pid


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and output; a play that hangs is ended."""
    try:
        output, _ = process.communicate(timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        end_family(process.pid)
        raise
    return process.returncode, output


def holder_named(refusal: str, playbook: str) -> str:
    """Who has the lease: the refusal has to name them, their playbook, and the input that takes it from them."""
    said = " ".join(refusal.split())
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    assert f"{who} ({Path(playbook).stem}, since " in said, refusal
    assert f"-e vault_lease_take_over={who}" in said, refusal
    return who


class Bench:
    """The test lab, and what a test does with it."""

    def __init__(self, folder: Path, nodes: int = 3) -> None:
        named = os.environ.get("VAULTOPS_LAB", "")
        # Never the demo, which somebody may be looking at.
        self.lab = Lab(named if named.startswith("spare") else "test", nodes)
        self.folder = folder
        lab = {"VAULTOPS_LAB": self.lab.name, "VAULTOPS_LAB_NODES": str(nodes)}
        self.environment = {**os.environ, **lab, "ANSIBLE_FORCE_COLOR": "0"}
        self.output = self.lab.state / "output"
        self.secret = f"vault/{self.lab.name}/recovery"
        self.journal = f"{self.secret}-journal"
        self.api_port = 8200
        self.bucket = f"{self.lab.name}-snapshots"

    @contextlib.contextmanager
    def acting_as(self, person: str) -> t.Iterator[None]:
        """Plays run with the credentials of one of the lab's people."""
        before = self.environment
        self.environment = {**before, **assume(self.lab, person)}
        try:
            yield
        finally:
            self.environment = before

    @contextlib.contextmanager
    def expiring(self) -> t.Iterator[t.Callable[..., None]]:
        """What is yielded has the lab's own credentials expire, at once or with the *count*th call of *first*, until the end."""
        self.require_network()
        url, key = f"{self.lab.aws_url}/lab/expired", self.environment["AWS_ACCESS_KEY_ID"]

        def expire(first: str = "", count: int = 1) -> None:
            requests.put(url, json={"key": key, "first": first, "count": count}, timeout=10).raise_for_status()

        try:
            yield expire
        finally:
            requests.delete(url, timeout=10).raise_for_status()

    @contextlib.contextmanager
    def disabled(self, *key_ids: str) -> t.Iterator[None]:
        """Nothing is opened, or made, with these KMS keys until the end."""
        self.require_network()
        url = f"{self.lab.aws_url}/lab/disabled"
        requests.put(url, json={"keys": key_ids}, timeout=10).raise_for_status()
        try:
            yield
        finally:
            requests.delete(url, timeout=10).raise_for_status()

    def lab_command(self, command: str, **environment: str) -> None:
        self._of_the_lab("lab.py", command, **environment)

    def attach_disks(self) -> None:
        """The volumes that the stand-in's instances were launched with, as disks of the nodes."""
        self._of_the_lab("attach_disks.py")

    def _of_the_lab(self, program: str, *arguments: str, **environment: str) -> None:
        subprocess.run(
            [sys.executable, str(ROOT / "tests/lab" / program), *arguments],
            env={**self.environment, **environment},
            cwd=ROOT,
            check=True,
        )

    def need_vault(self, version: str) -> None:
        """The release mirror has this version too: made now, if nothing needed it before."""
        self.lab_command("prepare", VAULTOPS_LAB_VAULT=version)

    def require_network(self) -> None:
        """No lab network, no traffic: its addresses would leave this machine."""
        addresses = subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=True).stdout
        if f" {self.lab.gateway}/" not in addresses:
            pytest.fail(f"the lab's network {self.lab.subnet} is not there; nothing was sent")

    def start_play(
        self, *arguments: str, inventory: Path | None = None, playbook: str = "site.yml"
    ) -> subprocess.Popen[str]:
        """The play, in a process group of its own."""
        self.require_network()
        command = ["ansible-playbook", "-i", str(inventory or ROOT / "inventories/lab"), playbook, *arguments]
        return subprocess.Popen(
            command,
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def play(self, *arguments: str, inventory: Path | None = None, playbook: str = "site.yml") -> tuple[int, str]:
        return finished(self.start_play(*arguments, inventory=inventory, playbook=playbook))

    def play_after_kill(
        self, *arguments: str, inventory: Path | None = None, playbook: str = "site.yml"
    ) -> tuple[int, str]:
        """The run after one of *playbook* that was killed: refused, until it names who had the lease."""
        code, refusal = self.play(*arguments, inventory=inventory, playbook=playbook)
        assert code != 0, refusal
        return self.play_refused(refusal, *arguments, inventory=inventory, playbook=playbook)

    def play_refused(
        self, refusal: str, *arguments: str, inventory: Path | None = None, playbook: str = "site.yml"
    ) -> tuple[int, str]:
        """The run after one that ended with *refusal*, since a run was killed: it names who had the lease."""
        taking_over = ("-e", f"vault_lease_take_over={holder_named(refusal, playbook)}")
        return self.play(*arguments, *taking_over, inventory=inventory, playbook=playbook)

    def inventory(self, hosts: dict[str, dict[str, t.Any]], drill: dict[str, dict[str, t.Any]] | None = None) -> Path:
        """The lab's inventory with other nodes, and perhaps a machine for drills."""
        copy = self.folder / "inventory"
        shutil.copytree(ROOT / "inventories/lab", copy, dirs_exist_ok=True)
        groups = {"vault": {"hosts": hosts}, "vault_drill": {"hosts": drill or {}}}
        (copy / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}))
        return copy

    def hosts(self, **changes: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
        """The nodes as the inventory has them, with changes by host (vault_2 for vault-2)."""
        plain = {node.hostname: {"vault_address": node.address} for node in self.lab.nodes}
        return {name: {**own, **changes.get(name.replace("-", "_"), {})} for name, own in plain.items()}

    def on_nodes(self, script: str) -> list[str]:
        """The script's output on each node."""
        return [
            subprocess.run(
                ["docker", "exec", node.container, "sh", "-c", script], capture_output=True, text=True, check=True
            ).stdout
            for node in self.lab.nodes
        ]

    def fingerprint(self) -> list[str]:
        """Changes when a file that belongs to the machine's set-up does; not with Vault's own data and logs."""
        return self.on_nodes(
            "find /etc /opt /usr/local /home -path /opt/vault/data -prune -o \\( -type f -o -type l \\) -print"
            " | sort | xargs -r stat -c '%n %s %Y %U %a' | sha256sum"
        )

    def aws(self, service: str) -> t.Any:
        self.require_network()
        return boto3.client(service, region_name=REGION, endpoint_url=self.lab.aws_url)

    def forget_cluster(self) -> None:
        """Nodes without data, no recovery keys, no lease: as before the first init."""
        self.on_nodes(
            "systemctl stop vault 2>/dev/null; rm -rf /opt/vault/data/* /var/log/vault/* /var/lib/vaultops/lease-*"
        )
        secrets = self.aws("secretsmanager")
        for secret in secrets.list_secrets()["SecretList"]:
            if secret["Name"] in (self.secret, self.journal):
                secrets.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)
        if self.bucket in [bucket["Name"] for bucket in self.aws("s3").list_buckets()["Buckets"]]:
            self.aws("s3").delete_object(Bucket=self.bucket, Key=f"init/{self.lab.name}.journal")

    def forget_controller(self) -> None:
        """As on another machine."""
        shutil.rmtree(self.output, ignore_errors=True)

    def has_journal(self) -> bool:
        """Anywhere that init's answer may wait."""
        if any(secret["Name"] == self.journal for secret in self.aws("secretsmanager").list_secrets()["SecretList"]):
            return True
        if self.bucket not in [bucket["Name"] for bucket in self.aws("s3").list_buckets()["Buckets"]]:
            return False
        return "Contents" in self.aws("s3").list_objects_v2(Bucket=self.bucket, Prefix="init/")
