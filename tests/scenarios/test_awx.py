"""Every playbook as an AWX job: in a container that is new each time, with the project and credentials and nothing else."""

from __future__ import annotations

import contextlib
import copy
import json
import re

import boto3
import pytest
import requests
from kit.bench import Bench
from kit.changes import NEW, OLD
from kit.runner import Runner, lab_account, machines, over_ssh
from labkit.settings import REGION

AWX_KNOWS = {"vault_version": NEW, "vault_aws_region": REGION}
SNAPSHOTS = "example-vault-snapshots"


class Jobs:
    """Jobs on one cluster, each with what the template and the inventory say."""

    def __init__(self, runner, inventory, **variables):
        self.runner, self.inventory, self.variables = runner, inventory, {**AWX_KNOWS, **variables}

    def start(self, playbook, **options):
        variables = {**self.variables, **options.pop("variables", {})}
        inventory = options.pop("inventory", self.inventory)
        return self.runner.start(playbook, inventory, variables, **options)

    def run(self, playbook, **options):
        code, output = self.start(playbook, **options).finished()
        assert code == 0, output
        return output


def said(output):
    return " ".join(output.split())


def nothing_changed(output):
    return re.search(r"changed=0", output) and not re.search(r"changed=[1-9]", output)


def anew(bench):
    bench.lab_command("down")
    bench.lab_command("up")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Three nodes, one that comes in the place of another, and a machine for drills."""
    bench = Bench(tmp_path_factory.mktemp("awx"), 5)
    bench.need_vault(OLD)
    anew(bench)
    yield bench
    bench.lab_command("down")


@pytest.fixture(scope="module")
def runner(bench, tmp_path_factory):
    return Runner(bench, tmp_path_factory.mktemp("runner"))


@pytest.fixture(scope="module")
def jobs(bench, runner):
    """A cluster of three of the version before, made by a job."""
    lab = bench.lab
    jobs = Jobs(
        *(runner, machines(lab, lab.nodes[:3], drill=lab.nodes[4:])),
        vault_cluster_name=lab.name,
        vault_snapshot_bucket=lab.bucket,
        **lab_account(lab),
    )
    jobs.run("site.yml", variables={"vault_version": OLD})
    return jobs


def leases(bench):
    """Of each node's lease, who has it; "" where there is none."""
    found = bench.on_nodes(f"cat /var/lib/vaultops/lease-{bench.lab.name}.json 2>/dev/null; true")
    return [json.loads(text)["who"] if text else "" for text in found]


def test_another_container_sees_the_cluster(jobs):
    output = said(jobs.run("playbooks/status.yml"))
    assert re.search(f"The cluster is live .* Vault {OLD}; 3 voters", output), output


def test_a_backup(jobs):
    bench = jobs.runner.bench
    jobs.run("playbooks/backup.yml")
    names = [one["Key"] for one in bench.aws("s3").list_objects_v2(Bucket=bench.lab.bucket)["Contents"]]
    assert [name for name in names if name.endswith(".encrypted")], names


def test_an_upgrade(jobs):
    jobs.run("playbooks/rolling_upgrade.yml")
    versions = jobs.runner.bench.on_nodes("vault version 2>/dev/null; true")
    assert all(f"Vault v{NEW}" in version for version in versions[:3]), versions


def test_new_certificates(jobs):
    serial = "openssl x509 -noout -serial -in /etc/vault.d/tls/vault.crt 2>/dev/null; true"
    before = jobs.runner.bench.on_nodes(serial)
    jobs.run("playbooks/rotate_certificates.yml")
    after = jobs.runner.bench.on_nodes(serial)
    assert all(old and new and old != new for old, new in zip(before[:3], after[:3], strict=True))


def test_of_two_jobs_at_once_the_second_is_refused(jobs):
    bench = jobs.runner.bench
    first = jobs.start("playbooks/rolling_restart.yml", user="alice")
    first.wait_for(lambda: any(leases(bench)), "the first job has the lease")
    code, output = jobs.start("playbooks/rolling_restart.yml", user="bob").finished()
    assert code != 0, output
    assert re.search(r"alice@\w+ \(rolling_restart, job \d+, since ", said(output)), output
    code, output = first.finished()
    assert code == 0, output
    assert not any(leases(bench))


def test_what_a_killed_job_began_another_container_finishes(jobs):
    bench = jobs.runner.bench
    pids = "systemctl show vault -p MainPID --value 2>/dev/null; true"
    before = bench.on_nodes(pids)[:3]
    killed = jobs.start("playbooks/rolling_restart.yml", user="alice")
    killed.wait_for(lambda: bench.on_nodes(pids)[:3] != before, "a node is restarted")
    killed.kill()
    who = {name for name in leases(bench) if name}
    assert len(who) == 1
    code, output = jobs.start("playbooks/rolling_restart.yml", user="bob").finished()
    assert code != 0, output
    assert f"-e vault_lease_take_over={who.copy().pop()}" in said(output), output
    jobs.run("playbooks/rolling_restart.yml", user="bob", variables={"vault_lease_take_over": who.pop()})
    after = bench.on_nodes(pids)[:3]
    assert not set(before) & set(after), (before, after)
    assert not any(leases(bench))


def test_a_machine_with_another_host_key_is_not_talked_to(jobs):
    inventory = copy.deepcopy(jobs.inventory)
    hosts = inventory["_meta"]["hostvars"]
    hosts["vault-1"]["ssh_host_key"] = hosts["vault-2"]["ssh_host_key"]
    code, output = jobs.start("site.yml", inventory=inventory, check=True).finished()
    assert code == 4, output
    assert "Host key verification failed" in output
    assert re.search(r"vault-1 .*unreachable=1", output) and re.search(r"vault-2 .*unreachable=0", output), output


def test_a_node_in_the_place_of_another(jobs):
    lab = jobs.runner.bench.lab
    jobs.inventory = machines(lab, [lab.nodes[0], *lab.nodes[2:4]], drill=lab.nodes[4:])
    four = machines(lab, lab.nodes[:4], drill=lab.nodes[4:])
    jobs.run("playbooks/replace_node.yml", inventory=four, variables={"vault_leaving": "vault-2"})
    active = jobs.runner.bench.on_nodes("systemctl is-active vault; true")
    assert [state.strip() for state in active[:4]] == ["active", "inactive", "active", "active"]


def test_a_restore(jobs):
    bench = jobs.runner.bench
    jobs.run("playbooks/backup.yml")
    output = said(jobs.run("playbooks/restore.yml", variables={"vault_restore_confirm": bench.lab.name}))
    assert "over what served" in output, output


def test_a_drill(jobs):
    jobs.run("playbooks/backup.yml")
    output = said(jobs.run("playbooks/restore_drill.yml"))
    assert "passed" in output, output


def test_a_fail_over_is_measured_and_its_report_outlives_the_container(jobs):
    bench = jobs.runner.bench
    jobs.run("playbooks/failover_check.yml", variables={"vault_failover_confirm": bench.lab.name})
    s3, where = bench.aws("s3"), f"records/{bench.lab.name}/failovers/"
    (report,) = s3.list_objects_v2(Bucket=bench.lab.bucket, Prefix=where)["Contents"]
    found = json.load(s3.get_object(Bucket=bench.lab.bucket, Key=report["Key"])["Body"])
    assert found["kind"] == "graceful" and found["problems"] == [], found


def test_the_recovery_keys_are_proven(jobs):
    assert nothing_changed(output := jobs.run("playbooks/custody_check.yml")), output


def test_at_the_end_nothing_is_left_to_do(jobs):
    assert nothing_changed(jobs.run("site.yml", check=True))
    assert nothing_changed(jobs.run("site.yml"))


# --- from an empty account


def test_an_empty_account_and_a_job_that_is_killed_in_the_middle_of_init(bench, runner):
    anew(bench)
    lab = bench.lab
    account = {
        **lab_account(lab),
        "vault_kms_administrators": ["arn:aws:iam::123456789012:root"],
        "vault_node_role": "vault-node",
        "vault_custody_secret": bench.secret,
        "vault_snapshot_bucket": SNAPSHOTS,
        **empty_account(bench),
    }
    nowhere = {"_meta": {"hostvars": {}}, "vault": {"hosts": []}}
    Jobs(runner, nowhere, vault_cluster_name="prod", **account).run("playbooks/provision.yml")
    # On EC2 an instance has them from its launch.
    bench.attach_disks()
    jobs = Jobs(runner, synchronised(bench, runner), **account)

    killed = jobs.start("site.yml", user="alice")
    # Not before: between Vault's answer and the journal's a controller that dies loses the keys, and the next run says so.
    s3, secrets = bench.aws("s3"), bench.aws("secretsmanager")
    killed.wait_for(lambda: init_has_answered(s3, secrets), "init has answered")
    killed.kill()
    jobs.run("site.yml", user="bob", variables={"vault_lease_take_over": taken_by(bench)})
    assert nothing_changed(jobs.run("site.yml", user="carol"))
    jobs.run("playbooks/status.yml")


def empty_account(bench):
    """What the user has before provision.yml: a VPC with a subnet. Returns what is to be made in it."""
    bench.require_network()
    requests.post(f"{bench.lab.aws_url}/moto-api/reset", timeout=60).raise_for_status()
    ec2 = boto3.client("ec2", region_name=REGION, endpoint_url=bench.lab.aws_url)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    where = {"CidrBlock": bench.lab.subnet, "AvailabilityZone": f"{REGION}a"}
    subnet = ec2.create_subnet(VpcId=vpc, **where)["Subnet"]["SubnetId"]
    instances = [
        {"name": node.hostname, "private_ip": node.address, "subnet_id": subnet} for node in bench.lab.nodes[:3]
    ]
    # The lab has one network.
    return {
        "vault_ec2_image_id": "ami-12c6146b",
        "vault_ec2_instances": instances,
        "vault_ec2_one_zone_may_hold_majority": True,
        "vault_client_cidrs": ["10.0.0.0/16"],
    }


def init_has_answered(s3, secrets):
    """Whether the recovery keys are in custody, or on their way in the journal."""
    for found in s3.list_objects_v2(Bucket=SNAPSHOTS, Prefix="init/").get("Contents", []):
        with contextlib.suppress(s3.exceptions.NoSuchKey):
            if b"answered" in s3.get_object(Bucket=SNAPSHOTS, Key=found["Key"])["Body"].readline():
                return True
    names = [secret["Name"] for secret in secrets.list_secrets()["SecretList"]]
    return any(json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])["recovery_keys"] for name in names)


def synchronised(bench, runner):
    """What an inventory source makes of inventories/ec2 in the project, asked in a container of its own."""
    command = ["ansible-inventory", "-i", "inventories/ec2", "--list", "--export"]
    credentials = {"AWS_ACCESS_KEY_ID": "job", "AWS_SECRET_ACCESS_KEY": "job", "AWS_ENDPOINT_URL": bench.lab.aws_url}
    inventory = json.loads(runner.in_container(command, **credentials))
    assert sorted(inventory["_meta"]["hostvars"]) == ["vault-1", "vault-2", "vault-3"]
    return over_ssh(bench.lab, inventory)


def taken_by(bench):
    (who,) = {json.loads(text)["who"] for text in bench.on_nodes("cat /var/lib/vaultops/lease-*.json; true") if text}
    return who
