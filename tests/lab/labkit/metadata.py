"""Each node's answers from the instance metadata address, as the configuration of AWS's own mock."""

import json
import pathlib
import typing as t

from .settings import ACCOUNT, REGION, ROLE, Lab, Node

_LONG_AGO, _FAR_AHEAD = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def ensure(lab: Lab, instances: dict[str, str]) -> dict[str, pathlib.Path]:
    """Write what differs, in place: a running node has the file itself bind-mounted, so its inode must stay."""
    folder = lab.state / "metadata"
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for node in lab.nodes:
        path = folder / f"{node.hostname}.json"
        content = json.dumps(document(node, instances[node.hostname]), indent=1)
        if not path.exists() or path.read_text() != content:
            path.write_text(content)
        files[node.hostname] = path
    return files


def document(node: Node, instance_id: str) -> dict[str, t.Any]:
    profile = f"arn:aws:iam::{ACCOUNT}:instance-profile/{ROLE}"
    values = {
        "instance-id": instance_id,
        "instance-type": "t3.small",
        "hostname": node.hostname,
        "local-hostname": node.hostname,
        "local-ipv4": node.address,
        "placement-region": REGION,
        "placement-availability-zone": f"{REGION}a",
        "tags-instance-name": node.hostname,
        "iam-info": {
            "Code": "Success",
            "LastUpdated": _LONG_AGO,
            "InstanceProfileArn": profile,
            "InstanceProfileId": "AIPALABNODE",
        },
        "iam-security-credentials-role": ROLE,
        "iam-security-credentials": {
            # Without Code and Token, or when expired, the AWS SDK in Vault refuses them.
            "Code": "Success",
            "LastUpdated": _LONG_AGO,
            "Type": "AWS-HMAC",
            "AccessKeyId": "ASIALABNODE000000000",
            "SecretAccessKey": "lab-node",
            "Token": "lab-node",
            "Expiration": _FAR_AHEAD,
        },
    }
    identity = {
        "accountId": ACCOUNT,
        "architecture": "x86_64",
        "availabilityZone": f"{REGION}a",
        "instanceId": instance_id,
        "instanceType": "t3.small",
        "privateIp": node.address,
        "region": REGION,
        "version": "2017-09-30",
    }
    credentials = f"/latest/meta-data/iam/security-credentials/{ROLE}"
    return {
        "imdsv2": True,
        "server": {"hostname": "169.254.169.254", "port": "80"},
        "metadata": {"paths": {"iam-security-credentials": credentials}, "values": values},
        "dynamic": {"values": {"instance-identity-document": identity}},
    }
