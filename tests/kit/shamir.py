"""A cluster that people unseal by hand, set up by a script, with its files where that person wanted them."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, Connection, call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from kit.bench import ROOT, Bench

CONFIG = "/etc/vault/config/main.hcl"
# Of somebody else: a directory of configuration, certificates of his own naming, and none of this collection's files.
MOVES = f"""
mkdir -p {CONFIG.rpartition("/")[0]} && mv /etc/vault.d/tls /etc/vault/tls && cd /etc/vault/tls
mv ca.crt authority.pem && mv vault.crt node.pem && mv vault.key node.key
sed -e '/Made by vaultops/d' -e 's,vault.d/tls/vault.crt,vault/tls/node.pem,; s,vault.d/tls/vault.key,vault/tls/node.key,' \
    -e 's,vault.d/tls/ca.crt,vault/tls/authority.pem,' /etc/vault.d/vault.hcl >{CONFIG}
rm -r /etc/vault.d
sed -i -e '/Made by vaultops/d' -e 's,-config=.*,-config=/etc/vault/config,' -e /ConditionFileNotEmpty/d \
    /etc/systemd/system/vault.service
systemctl daemon-reload
"""


class ByHand:
    """*keys*, *token*: as init gave them out."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.folder = bench, folder
        network = bench.lab.gateway.rpartition(".")[0]
        command = ["bash", "tests/bench/deploy.sh", bench.lab.prefix, network, str(folder), bench.lab.name, "shamir"]
        subprocess.run(command, cwd=ROOT, check=True)
        given = json.loads((folder / "init.json").read_text())
        self.keys, self.token = given["keys"], given["root_token"]
        nodes = {node.hostname: f"https://{node.address}:8200" for node in bench.lab.nodes}
        self.cluster = Cluster(Connection(nodes=nodes, ca_cert=str(folder / "ca.crt"), token=self.token))
        bench.on_nodes(MOVES)
        for node in bench.lab.nodes:
            self.restart(node)
            self.open(node.hostname)
            self.wait_until_live()

    @property
    def variables(self) -> dict[str, t.Any]:
        return {
            "vault_kms_manage": False,
            "vault_login_method": "cert",
            "vault_tls_source": "given",
            "vault_tls_dir": str(self.folder),
            "vault_ca_file": str(self.folder / "ca.crt"),
            "vault_operator_ca_file": str(self.folder / "ca.crt"),
            "vault_operator_certificate_file": str(self.folder / "vaultops-operator.crt"),
            "vault_operator_key_file": str(self.folder / "vaultops-operator.key"),
        }

    def play(self, *arguments: str, playbook: str = "site.yml") -> tuple[int, str]:
        return self.bench.play("-e", json.dumps(self.variables), *arguments, playbook=playbook)

    def restart(self, node: t.Any) -> None:
        subprocess.run(["docker", "exec", node.container, "systemctl", "restart", "vault"], check=True)

    def stop(self, node: t.Any) -> None:
        subprocess.run(["docker", "exec", node.container, "systemctl", "stop", "vault"], check=True)

    def open(self, name: str) -> None:
        """As a person does it, with the seal that the node has."""
        client = self.cluster.client(name)
        for key in self.keys[:3]:
            call(name, lambda key=key: client.adapter.put("/v1/sys/unseal", json={"key": key}))

    def states(self) -> list[str]:
        return [f"{node['state']} {node['seal_type']}" for node in read_nodes(self.cluster)]

    def wait_until_live(self, seal: str = "shamir") -> None:
        end = time.monotonic() + 60
        while sorted(self.states()) != [f"{state} {seal}" for state in ("active", "standby", "standby")]:
            assert time.monotonic() < end, self.states()
            time.sleep(0.5)
