"""Jobs as AWX runs them: ansible-runner starts each in a container of its own, which is removed when the job ends.

A job has the project, read only; the inventory and the extra variables, which AWX keeps; and what the credentials inject:
AWS's as environment, the machine's as a key for an SSH agent. Nothing else of this machine is in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import typing as t
import uuid
from pathlib import Path

from kit.bench import Bench
from kit.paths import ROOT
from labkit import execution_environment, mirror, ssh

JOB_SECONDS = 420
# As AWX's credential type for AWS injects them. It knows no region.
AWS = {"AWS_ACCESS_KEY_ID": "job", "AWS_SECRET_ACCESS_KEY": "job", "AWS_SESSION_TOKEN": "job"}
COLLECTIONS = "/runner/requirements_collections"
JOBS_OWN = {
    "ANSIBLE_COLLECTIONS_PATH": f"{COLLECTIONS}:/usr/share/ansible/collections",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
}


class Job:
    """One run of a playbook in a container of its own."""

    def __init__(self, name: str, folder: Path, process: subprocess.Popen[str]) -> None:
        self.name, self.folder, self.process = name, folder, process

    @property
    def container(self) -> str:
        return f"ansible_runner_{self.name}"

    def wait_for(self, holds: t.Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + JOB_SECONDS
        while not holds():
            assert self.process.poll() is None, f"the job ended before {what}:\n{self.finished()[1]}"
            assert time.monotonic() < deadline, f"{what} did not come about within {JOB_SECONDS} s"
            time.sleep(0.1)

    def kill(self) -> None:
        """The container is gone at once, with all that was in it: a lost host, or AWX's 'cancel' after its patience."""
        subprocess.run(["docker", "kill", self.container], capture_output=True, check=True)
        self.process.communicate(timeout=60)

    def finished(self) -> tuple[int, str]:
        try:
            output, _ = self.process.communicate(timeout=JOB_SECONDS)
        except subprocess.TimeoutExpired:
            subprocess.run(["docker", "kill", self.container], capture_output=True, check=False)
            raise
        code = self.folder / "artifacts" / self.name / "rc"
        # ansible-runner asks for colours, whatever the environment says.
        return int(code.read_text()) if code.exists() else -1, re.sub(r"\x1b\[[0-9;]*m", "", output)


class Runner:
    """The host that runs jobs, and the project that it has synchronised."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.folder = bench, folder
        self.image = execution_environment.ensure()
        self.tools = execution_environment.tools()
        self.project = folder / "project"
        self.collections = folder / "requirements_collections"
        self.jobs = 0
        self.synchronise()

    def synchronise(self) -> None:
        """The project's update: a clone, and what its collections/requirements.yml names."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).exists() or (ROOT / name).is_symlink():
                (self.project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.project / name, follow_symlinks=False)
        self.collections.mkdir()
        requirements = ["-r", "collections/requirements.yml", "-p", COLLECTIONS, "--offline"]
        self.in_container(["ansible-galaxy", "collection", "install", *requirements], writes=True)

    def in_container(self, command: list[str], writes: bool = False, **environment: str) -> str:
        """What AWX does beside jobs: updates of projects and of inventories."""
        words = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        done = subprocess.run(
            [
                *(
                    "docker",
                    "run",
                    "--rm",
                    f"--network={self.bench.lab.network}",
                    "--user=0",
                    "--workdir=/runner/project",
                ),
                *("--volume", f"{self.project}:/runner/project:ro"),
                *("--volume", f"{self.collections}:{COLLECTIONS}:{'rw' if writes else 'ro'}"),
                *words,
                self.image,
                *command,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(
        self,
        playbook: str,
        inventory: dict[str, t.Any],
        variables: dict[str, t.Any] | None = None,
        user: str = "alice",
        check: bool = False,
    ) -> Job:
        """A job of *user*'s."""
        self.bench.require_network()
        self.jobs += 1
        name = f"{self.jobs}_{uuid.uuid4().hex[:8]}"
        folder = self.folder / f"job-{name}"
        for part in ("env", "inventory", "project"):
            (folder / part).mkdir(parents=True)
        known = {"awx_job_id": self.jobs, "awx_user_name": user, "awx_job_launch_type": "manual"}
        (folder / "env/extravars").write_text(json.dumps({**known, **(variables or {})}))
        (folder / "env/envvars").write_text(json.dumps({**AWS, **JOBS_OWN, "JOB_ID": str(self.jobs)}))
        (folder / "env/cmdline").write_text(f"-u {ssh.USER}" + (" --check" if check else ""))
        (folder / "env/ssh_key").write_text(ssh.key_file(self.bench.lab).read_text())
        # The inventory is a program that prints it: so AWX hands over what it has.
        script = folder / "inventory/hosts"
        script.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(inventory)}\nEND\n")
        script.chmod(0o700)
        shown = [f"{self.project}:/runner/project:ro", f"{self.collections}:{COLLECTIONS}:ro"]
        command = [
            *(str(self.tools / "ansible-runner"), "run", str(folder), "--playbook", playbook, "--ident", name),
            *("--process-isolation", "--process-isolation-executable", "docker", "--container-image", self.image),
            *(f"--container-volume-mount={mount}" for mount in shown),
            f"--container-option=--network={self.bench.lab.network}",
        ]
        return Job(
            name,
            folder,
            subprocess.Popen(
                command,
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            ),
        )


def over_ssh(lab: t.Any, inventory: dict[str, t.Any]) -> dict[str, t.Any]:
    """The inventory with the nodes' host keys as variables: a container has no file of known hosts, and needs none."""
    lines = (ssh.key_file(lab).parent / "known_hosts").read_text().splitlines()
    keys = dict(line.split(" ", 1) for line in lines if line)
    for variables in inventory["_meta"]["hostvars"].values():
        address = variables["vault_address"]
        # What an inventory plug-in read somewhere else is marked as not to be templated.
        plain = address["__ansible_unsafe"] if isinstance(address, dict) else address
        variables["ssh_host_key"] = " ".join(keys[plain].split()[:2])
    command = "-o KnownHostsCommand='/bin/echo {{ ansible_host }} {{ ssh_host_key }}'"
    arguments = f"-o StrictHostKeyChecking=yes -o UserKnownHostsFile=none {command}"
    # A runner tells Ansible not to look at host keys. A variable goes before that.
    trust = {"ansible_ssh_common_args": arguments, "ansible_host_key_checking": True}
    inventory.setdefault("all", {}).setdefault("vars", {}).update(trust)
    return inventory


def machines(lab: t.Any, nodes: t.Sequence[t.Any], drill: t.Sequence[t.Any] = ()) -> dict[str, t.Any]:
    """The lab's nodes as an inventory that AWX keeps: no file, no variable of this machine's."""
    known = {node.hostname: {"vault_address": node.address, "ansible_host": node.address} for node in [*nodes, *drill]}
    groups = {"vault": nodes, "vault_drill": drill}
    inventory = {
        name: {"hosts": [node.hostname for node in members], "vars": {"ansible_become": True}}
        for name, members in groups.items()
    }
    return over_ssh(lab, {"_meta": {"hostvars": known}, **inventory})


def lab_account(lab: t.Any) -> dict[str, t.Any]:
    """What differs between an AWS account with Vault's releases, and the lab."""
    return {
        "vault_aws_endpoint_url": lab.aws_url,
        "vault_release_mirror": f"http://{lab.gateway}:8080",
        "vault_release_signing_key": mirror.public_key().read_text(),
    }
