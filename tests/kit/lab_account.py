"""An account of the lab's stand-in that provision.yml fills: its instances are the lab's containers."""

from __future__ import annotations

import json
import shutil
import typing as t

import boto3
import requests
from kit.bench import Bench
from kit.paths import ROOT
from labkit.settings import REGION

OLD_IMAGE, NEW_IMAGE = "ami-12c6146b", "ami-1e749f67"


class LabAccount:
    """One region of it, with an inventory of its own."""

    def __init__(self, bench: Bench, region: str = REGION, **variables: t.Any) -> None:
        self.bench, self.region, self.image = bench, region, OLD_IMAGE
        bench.environment |= {"AWS_ENDPOINT_URL": bench.lab.aws_url, "VAULTOPS_LAB_LOGIN": "ssh"}
        self.ec2 = self.client("ec2")
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        where = {"CidrBlock": bench.lab.subnet, "AvailabilityZone": f"{region}a"}
        self.subnet = self.ec2.create_subnet(VpcId=vpc, **where)["Subnet"]["SubnetId"]
        self.variables = {
            "vault_ec2_one_zone_may_hold_majority": True,
            "vault_kms_administrators": ["arn:aws:iam::123456789012:root"],
            "vault_node_role": "vault-node",
            # The volumes are another test's.
            **dict.fromkeys(("vault_ec2_data_gib", "vault_ec2_audit_gib", "vault_ec2_journal_gib"), 0),
            **variables,
        }
        self.inventory = bench.folder / f"ec2-{region}"
        shutil.copytree(ROOT / "inventories/lab/group_vars", self.inventory / "group_vars")
        shipped = (ROOT / "inventories/ec2/vault.aws_ec2.yml").read_text()
        own = shipped.replace("cluster: prod", f"cluster: {bench.lab.name}").replace(f"[{REGION}]", f"[{region}]")
        (self.inventory / "vault.aws_ec2.yml").write_text(own)

    @staticmethod
    def begin(bench: Bench) -> None:
        """Nothing is in it."""
        bench.require_network()
        requests.post(f"{bench.lab.aws_url}/moto-api/reset", timeout=60).raise_for_status()

    def client(self, service: str) -> t.Any:
        self.bench.require_network()
        return boto3.client(service, region_name=self.region, endpoint_url=self.bench.lab.aws_url)

    def play(self, playbook: str, numbers: t.Mapping[int, int | None], *arguments: str) -> tuple[int, str]:
        """*numbers*: of the instances that are listed, and of those that they replace."""
        return self.bench.play(*self.options(numbers), *arguments, inventory=self.inventory, playbook=playbook)

    def options(self, numbers: t.Mapping[int, int | None]) -> list[str]:
        instances = [
            {
                "name": f"vault-{number}",
                "private_ip": self.bench.lab.nodes[number - 1].address,
                "subnet_id": self.subnet,
                **({"replaces": f"vault-{old}"} if old else {}),
            }
            for number, old in numbers.items()
        ]
        mine = {"vault_ec2_instances": instances, "vault_ec2_image_id": self.image, "vault_aws_region": self.region}
        return ["-e", json.dumps({**self.variables, **mine})]
