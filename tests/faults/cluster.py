"""The lab's cluster, as faults see it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.raft.state import Raft, normalise
from kit.bench import Bench
from kit.changes import inside
from kit.login import as_operator
from labkit.settings import Node

DATA, AUDIT = "/opt/vault/data", "/var/log/vault"
SETTLE_SECONDS = 120
# Vault triples Raft's timeouts for a while after a start, so a second failure soon after the first one is noticed later.
QUIET_SECONDS = 15
POLL_SECONDS = 0.2


class Cluster:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.nodes: dict[str, Node] = {node.hostname: node for node in bench.lab.nodes}
        self.active = ""  # when the fault was injected
        self.standbys: list[str] = []

    def sh(self, name: str, script: str) -> str:
        return inside(self.nodes[name].container, script)

    def signal(self, name: str, signal: str) -> None:
        self.sh(name, f"systemctl kill --signal={signal} --kill-who=main vault")

    def raft(self) -> Raft | None:
        """None where nobody answers."""
        try:
            with as_operator(self.bench).login_active() as client:
                return normalise(api.read_configuration("cluster", client), api.read_autopilot_state("cluster", client))
        except VaultError:
            return None

    def is_whole(self) -> bool:
        raft = self.raft()
        return bool(
            raft
            and raft["healthy"]
            and len(raft["voters"]) == len(self.nodes)
            and all(server["healthy"] for server in raft["servers"])
        )

    def wait_whole(self, seconds: float) -> bool:
        return self.wait(self.is_whole, seconds)

    @staticmethod
    def wait(done: t.Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def settle(self) -> None:
        """Every voter is healthy, and none was started just now."""
        if not self.wait_whole(SETTLE_SECONDS):
            raise SystemExit(f"the cluster is not whole, so no fault is injected: {self.raft()}")
        while self.youngest() < QUIET_SECONDS:
            time.sleep(1)
        self.active = as_operator(self.bench).active()
        self.standbys = [name for name in self.nodes if name != self.active]

    def youngest(self) -> float:
        """For how many seconds the Vault runs that was started last."""
        show = "cut -d' ' -f1 /proc/uptime; systemctl show vault -P ExecMainStartTimestampMonotonic"
        times = [self.sh(name, show).split() for name in self.nodes]
        return min(float(up) - int(started) / 1e6 for up, started in times)

    def status(self) -> tuple[int, dict[str, t.Any]]:
        """Exit code of status.yml, and what it found."""
        with tempfile.TemporaryDirectory() as folder:
            code, output = self.bench.play("-e", f"vault_output_dir={folder}", playbook="playbooks/status.yml")
            path = Path(folder) / "status" / "status.json"
            if not path.exists():
                raise SystemExit(f"status.yml wrote no status: {output}")
            return code, json.loads(path.read_text())

    @contextlib.contextmanager
    def filtered(self, name: str, *rules: str) -> t.Iterator[None]:
        """Rules of the packet filter in the node, each of the chain 'in' or 'out'."""
        table = "table inet fault"
        hooks = {"in": "input", "out": "output"}
        lines = [f"nft add {table}"]
        lines += [
            f"nft add chain inet fault {name} '{{ type filter hook {hooks[name]} priority -10; }}'" for name in hooks
        ]
        lines += [f"nft add rule inet fault {rule}" for rule in rules]
        self.sh(name, "\n".join(lines))
        try:
            yield
        finally:
            self.sh(name, f"nft delete {table}")

    def apart(self, name: str) -> list[str]:
        """Rules that cut a node off from the other nodes, but not from its clients."""
        others = ", ".join(node.address for other, node in self.nodes.items() if other != name)
        return [f"in ip saddr '{{ {others} }}' drop", f"out ip daddr '{{ {others} }}' drop"]

    @contextlib.contextmanager
    def without_aws(self, *names: str) -> t.Iterator[None]:
        """Nothing that these nodes send to AWS arrives."""
        with contextlib.ExitStack() as stack:
            for name in names:
                stack.enter_context(self.filtered(name, f"out ip daddr {self.bench.lab.gateway} tcp dport 5000 drop"))
            yield

    @contextlib.contextmanager
    def small_disk(self, name: str, directory: str, mebibytes: int) -> t.Iterator[None]:
        """The directory, with all that is in it, on a file system of its own that has so much room left; Vault is restarted with
        it, and again without."""
        aside = "/mnt/fault"
        put = (
            f"systemctl stop vault; mkdir -p {aside}; "
            f"mount -t tmpfs -o size=$(($(du -sm {directory} | cut -f1) + {mebibytes}))m fault {aside}; "
            f"chown --reference={directory} {aside}; chmod --reference={directory} {aside}; "
            f"cp -a {directory}/. {aside}; mount --bind {aside} {directory}; systemctl start vault"
        )
        back = (
            f"systemctl stop vault; rm -f {directory}/fill; umount {directory}; "
            f"find {directory} -mindepth 1 -delete; cp -a {aside}/. {directory}; umount {aside}; systemctl start vault"
        )
        self.sh(name, put)
        try:
            yield
        finally:
            self.sh(name, back)

    def fill(self, name: str, directory: str) -> None:
        """The last bytes, too: of a whole block there is nothing left."""
        self.sh(name, f"cat /dev/zero > {directory}/fill 2>/dev/null || true")

    def logged(self, name: str, words: str, since: float) -> bool:
        """Whether Vault's journal has said so since then, seconds since 1970."""
        found = self.sh(name, f"journalctl -u vault --since=@{since:.0f} --output=cat | grep -c '{words}' || true")
        return int(found) > 0

    def docker(self, *words: str) -> None:
        subprocess.run(["docker", *words], check=True, capture_output=True)
