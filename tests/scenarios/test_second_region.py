"""A region is lost, and the cluster comes up in the second one, which asks nothing of the first (docs/second-region.md)."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import time
import typing as t
import urllib.parse

import pytest
import requests
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster
from kit.bench import Bench
from kit.lab_account import LabAccount
from kit.login import logged_in_as
from kit.regions import HOME, SECOND
from labkit.servers import requests_file
from labkit.settings import REGION

AT_HOME: dict[int, int | None] = {1: None, 2: None, 3: None}
THERE: dict[int, int | None] = {4: None, 5: None, 6: None}
RESTORE, BACKUP, PROVISION, STATUS = (f"playbooks/{name}.yml" for name in ("restore", "backup", "provision", "status"))
# What the rules of replication name, which another test has.
COPIED = ("snapshots/", "records/")


class Regions(t.NamedTuple):
    home: LabAccount
    second: LabAccount


@pytest.fixture(scope="module")
def regions(tmp_path_factory):
    assert HOME == REGION
    bench = Bench(tmp_path_factory.mktemp("regions"), 6)
    bench.lab_command("down")
    bench.lab_command("up")
    LabAccount.begin(bench)
    there = f"{bench.bucket}-{SECOND}"
    home = LabAccount(bench, HOME, vault_snapshot_bucket=bench.bucket, vault_kms_replica_region=SECOND)
    second = LabAccount(bench, SECOND, vault_snapshot_bucket=there, vault_home_region=HOME)
    for playbook in (PROVISION, "site.yml"):
        run(home, AT_HOME, playbook)
    write(home, AT_HOME, "# before")
    run(home, AT_HOME, BACKUP)
    copy(home, bench.bucket, there)
    write(home, AT_HOME, "# after")
    yield Regions(home, second)
    bench.lab_command("down")


def run(account: LabAccount, numbers: t.Mapping[int, int | None], playbook: str, *arguments: str) -> str:
    code, output = account.play(playbook, numbers, *arguments)
    assert code == 0, output
    return " ".join(output.split())


def copy(account: LabAccount, source: str, target: str) -> None:
    """As S3 does, which the stand-in does not: with metadata and tags."""
    s3 = account.client("s3")
    for key in [one["Key"] for one in s3.list_objects_v2(Bucket=source)["Contents"] if one["Key"].startswith(COPIED)]:
        found = s3.get_object(Bucket=source, Key=key)
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=source, Key=key)["TagSet"]}
        body, tagging = found["Body"].read(), urllib.parse.urlencode(tags)
        s3.put_object(Bucket=target, Key=key, Body=body, Metadata=found["Metadata"], Tagging=tagging)


def admin(account: LabAccount, numbers: t.Mapping[int, int | None]) -> Cluster:
    """Logged in as people of that region do, by its CA and its STS."""
    bench = account.bench
    found = account.client("ssm").get_parameter(Name=f"/vaultops/{bench.lab.name}/ca")["Parameter"]["Value"]
    path = bench.folder / f"ca-{account.region}.crt"
    path.write_text(found)
    made = logged_in_as("admin", bench, [bench.lab.nodes[number - 1] for number in numbers], ca_cert=path)
    return Cluster(dataclasses.replace(made.connection, region=account.region))


def write(account: LabAccount, numbers: t.Mapping[int, int | None], text: str) -> None:
    with admin(account, numbers).login_active() as client:
        client.adapter.put("/v1/sys/policies/acl/kept", json={"policy": text})


def read(account: LabAccount, numbers: t.Mapping[int, int | None]) -> str:
    with admin(account, numbers).login_active() as client:
        return client.adapter.get("/v1/sys/policies/acl/kept")["data"]["policy"]


def lose(account: LabAccount) -> None:
    """All machines at once, and every service of the region."""
    bench = account.bench
    requests.put(f"{bench.lab.aws_url}/lab/lost", json={"region": account.region}, timeout=10).raise_for_status()
    subprocess.run(["docker", "kill", *(bench.lab.nodes[number - 1].container for number in AT_HOME)], check=True)


def asked(bench: Bench, since: float) -> set[str]:
    lines = [json.loads(line) for line in requests_file(bench.lab).read_text().splitlines()]
    return {line["region"] for line in lines if line["time"] >= since}


def test_an_empty_cluster_is_not_begun_in_a_second_region(regions):
    run(regions.second, THERE, PROVISION)
    code, output = regions.second.play("site.yml", THERE)
    assert code != 0
    assert f"vault_home_region is {HOME}. A new, empty cluster would keep other recovery keys" in " ".join(
        output.split()
    ), output


def test_the_region_is_lost_and_the_cluster_comes_up_in_the_second(regions):
    home, second = regions
    lose(home)
    lost = time.time()
    run(second, THERE, PROVISION)
    said = run(second, THERE, RESTORE, "--check")
    assert ".encrypted" in said
    code, output = second.play(RESTORE, THERE)
    assert code != 0 and f"-e vault_home_given_up={HOME}" in " ".join(output.split()), output
    run(second, THERE, RESTORE, "-e", f"vault_home_given_up={HOME}")
    assert read(second, THERE) == "# before", "what was written after the snapshot is lost, and nothing else"
    write(second, THERE, "# in the second region")
    print(f"from the loss to the first write: {time.time() - lost:.0f} s")
    run(second, THERE, "site.yml")
    assert not re.search("changed=[1-9]", run(second, THERE, "site.yml"))
    run(second, THERE, STATUS)
    assert HOME not in asked(home.bench, lost)


def test_it_is_backed_up_there_from_then_on(regions):
    bucket, s3 = regions.second.variables["vault_snapshot_bucket"], regions.second.client("s3")

    def snapshots() -> set[str]:
        keys = {one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="snapshots/")["Contents"]}
        return {key for key in keys if key.endswith(".encrypted")}

    before = snapshots()
    run(regions.second, THERE, BACKUP)
    assert len(snapshots() - before) == 1
