"""haproxy in the place of the network load balancer that provision.yml makes: TCP passes through, a connection goes to any
target, and the health checks are those of the target group. Which nodes are targets is what the AWS stand-in says.

What it does not play: that AWS takes its time, up to minutes, until a target that was registered gets requests.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import yaml

from .paths import ROOT

PORT = 8200
LOOK_SECONDS = 0.1
START_SECONDS = 10
CONFIG = """\
global
    stats socket {socket} mode 600 level admin
    maxconn 1000
defaults
    mode tcp
    # Whoever is sent to a target that is gone is told so, and not sent to another.
    retries 0
    timeout connect 5s
    timeout client 350s
    timeout server 350s
frontend vault
    bind {address}:{port}
    default_backend vault
backend vault
    balance random
    option httpchk GET {path}
    http-check expect status 200-399
    default-server check check-ssl verify none inter {interval}s fall {fall} rise {rise} on-marked-down shutdown-sessions
{servers}
"""


def group_name(bench: t.Any) -> str:
    return f"vault-{bench.lab.name}"


def health_checks() -> dict[str, t.Any]:
    """As the role vault_ec2 sets them."""
    tasks = yaml.safe_load((ROOT / "roles/vault_ec2/tasks/load_balancer.yml").read_text())
    said = next(task["community.aws.elb_target_group"] for task in tasks if "community.aws.elb_target_group" in task)
    names = {"path": "path", "interval": "interval"}
    found = {name: said[f"health_check_{key}"] for name, key in names.items()}
    return {**found, "rise": said["healthy_threshold_count"], "fall": said["unhealthy_threshold_count"]}


class TargetGroup:
    """In the lab's AWS stand-in, with the nodes' instances as targets."""

    def __init__(self, bench: t.Any) -> None:
        self.name = group_name(bench)
        self.elb, ec2 = bench.aws("elbv2"), bench.aws("ec2")
        addresses = [node.address for node in bench.lab.nodes]
        found = ec2.describe_instances(Filters=[{"Name": "private-ip-address", "Values": addresses}])["Reservations"]
        instances = [one for reservation in found for one in reservation["Instances"]]
        names = {node.address: node.hostname for node in bench.lab.nodes}
        self.hostnames = {one["InstanceId"]: names[one["PrivateIpAddress"]] for one in instances}
        made = self.elb.create_target_group(
            Name=self.name,
            Protocol="TCP",
            Port=PORT,
            VpcId=instances[0]["VpcId"],
            TargetType="instance",
            Tags=[{"Key": "vault-cluster", "Value": bench.lab.name}],
        )
        self.arn = made["TargetGroups"][0]["TargetGroupArn"]
        balancer = self.elb.create_load_balancer(
            Name=self.name, Subnets=[instances[0]["SubnetId"]], Type="network", Scheme="internal"
        )["LoadBalancers"][0]["LoadBalancerArn"]
        forward = [{"Type": "forward", "TargetGroupArn": self.arn}]
        self.elb.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=PORT, DefaultActions=forward)
        self.elb.register_targets(
            TargetGroupArn=self.arn, Targets=[{"Id": one, "Port": PORT} for one in self.hostnames]
        )

    def targets(self) -> set[str]:
        """Names of the nodes that get requests."""
        found = self.elb.describe_target_health(TargetGroupArn=self.arn)["TargetHealthDescriptions"]
        return {self.hostnames[one["Target"]["Id"]] for one in found}


class Balancer:
    """Serves at *url* as long as the block runs. *seen*: when a node was taken out and put back, by the monotonic clock."""

    def __init__(self, bench: t.Any, group: TargetGroup, folder: Path) -> None:
        bench.require_network()
        self.url = f"https://{bench.lab.gateway}:{PORT}"
        self.server_name = f"vault.{bench.lab.name}.internal"
        self.seen: list[tuple[float, str, bool]] = []
        self._address = (bench.lab.gateway, PORT)
        self._group, self._names = group, {node.hostname for node in bench.lab.nodes}
        self._socket, self._config = folder / "haproxy.sock", folder / "haproxy.cfg"
        servers = "\n".join(f"    server {node.hostname} {node.address}:{PORT}" for node in bench.lab.nodes)
        self._config.write_text(
            CONFIG.format(socket=self._socket, address=bench.lab.gateway, port=PORT, servers=servers, **health_checks())
        )
        self._ended = threading.Event()
        self._follower = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Balancer:
        self._process = subprocess.Popen(["haproxy", "-db", "-f", str(self._config)])
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "haproxy has ended"
            assert time.monotonic() < deadline, "haproxy does not listen"
            time.sleep(0.1)
        self._follower.start()
        return self

    def __exit__(self, *what: object) -> None:
        self._ended.set()
        self._follower.join()
        self._process.terminate()
        self._process.wait(timeout=10)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(self._address, timeout=1):
            return True
        return False

    def _follow(self) -> None:
        """No new connection goes to a node that is no target; those that there are last until the node ends them."""
        before = set(self._names)
        while not self._ended.wait(LOOK_SECONDS):
            now = self._group.targets()
            for name in sorted(before ^ now):
                self._told(f"set server vault/{name} state {'ready' if name in now else 'drain'}")
                self.seen.append((time.monotonic(), name, name in now))
            before = now

    def _told(self, command: str) -> None:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._socket))
            line.sendall(f"{command}\n".encode())
            said = line.recv(4096).decode().strip()
        assert said == "", said
