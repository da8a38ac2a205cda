"""A drill from end to end on a machine that it makes and terminates: the cluster learns of it, and nothing is left."""

from __future__ import annotations

import re
import typing as t

import pytest
from kit.bench import Bench
from kit.drills import last_report, left_on
from kit.lab_account import LabAccount

NODES: dict[int, int | None] = {1: None, 2: None, 3: None}
PROVISION, BACKUP, DRILL = (f"playbooks/{name}.yml" for name in ("provision", "backup", "restore_drill"))


class Account(LabAccount):
    """With a cluster that has been backed up once. What is launched next is the container vault-4."""

    def reserve(self) -> None:
        """The stand-in gives an instance the first address of its subnet that is free; AWS does not give the first three."""
        first = self.bench.lab.gateway.removesuffix(".1")
        for number in range(4, 10):
            address = {"PrivateIpAddress": f"{first}.{number}", "SubnetId": self.subnet}
            self.ec2.run_instances(ImageId=self.image, MinCount=1, MaxCount=1, **address)

    def run(self, playbook: str, *arguments: str) -> str:
        code, output = self.play(playbook, NODES, *arguments)
        assert code == 0, output
        return " ".join(output.split())

    def of_drills(self) -> list[dict[str, t.Any]]:
        tag = {"Name": "tag:vault-cluster", "Values": [f"{self.bench.lab.name}/drill"]}
        found = self.ec2.describe_instances(Filters=[tag])["Reservations"]
        return [one for reservation in found for one in reservation["Instances"]]


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("made"), 4)
    bench.lab_command("down")
    bench.lab_command("up")
    LabAccount.begin(bench)
    # What the lab has no rules for: everything of it is in one network.
    egress = {"proto": "tcp", "ports": [80, 443], "cidr_ip": bench.lab.subnet}
    made = Account(bench, vault_snapshot_bucket=bench.bucket, vault_drill_machine=True, vault_ec2_drill_egress=[egress])
    made.reserve()
    for playbook in (PROVISION, "site.yml", BACKUP):
        made.run(playbook)
    yield made
    bench.lab_command("down")


def test_a_drill_makes_its_machine_passes_and_leaves_nothing(account):
    spare = account.bench.lab.nodes[3]
    account.run(DRILL)
    (machine,) = account.of_drills()
    assert machine["State"]["Name"] == "terminated"
    report = last_report(account.bench)
    assert (report["result"], report["problem"]) == ("passed", None)
    assert report["canary_of"] is not None
    assert left_on(spare.container) == []
    # A second one finds nothing in its way, and the cluster is as it was.
    account.run(DRILL)
    assert [one["State"]["Name"] for one in account.of_drills()] == ["terminated"] * 2
    assert not re.search("changed=[1-9]", account.run("site.yml"))
    assert not re.search("changed=[1-9]", account.run(PROVISION))


def test_a_drill_that_fails_ends_its_machine_too(account):
    code, output = account.play(DRILL, NODES, "-e", "vault_snapshot_prefix=nothing")
    assert code != 0
    assert "holds no complete snapshot" in " ".join(output.split()), output
    assert last_report(account.bench)["result"] == "failed"
    assert {one["State"]["Name"] for one in account.of_drills()} == {"terminated"}
    assert left_on(account.bench.lab.nodes[3].container) == []
