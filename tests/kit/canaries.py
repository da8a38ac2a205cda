"""Values that a restore has to bring back. Run, it writes them to the test lab's cluster."""

from __future__ import annotations

import sys
import types
from pathlib import Path

HERE = Path(__file__).parent

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import call
from kit.login import as_admin, kv_token
from kit.probe.safety import require_lab
from labkit.settings import from_environment

VALUES = {f"canary-{number}": f"value {number} " + "x" * number for number in range(200)}


def reader(cluster):
    """A client that may use the secrets engine."""
    with cluster.login_active() as client:
        token = kv_token(client)
    client = cluster.client(cluster.active())
    client.token = token
    return client


def write(client) -> None:
    for name, value in VALUES.items():
        call("canary", lambda name=name, value=value: client.adapter.post(f"/v1/kv/{name}", json={"value": value}))


def main() -> None:
    lab = from_environment()
    if lab.name != "test":
        sys.exit("the values are for the test lab: VAULTOPS_LAB=test")
    urls = [f"https://{node.address}:8200" for node in lab.nodes]
    write(reader(as_admin(types.SimpleNamespace(lab=lab, api_port=8200, require_network=lambda: require_lab(urls)))))


if __name__ == "__main__":
    main()
