#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""See whether nodes can be reached by sessions of Systems Manager."""

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_sessions_info
short_description: Check that nodes can be reached by sessions of Systems Manager
version_added: 1.0.0
description:
  - Stops, and names each node whose agent is not online, with the cause that AWS shows.
  - Waits for nodes that were launched less than ten minutes ago. A node that has run for longer and is not online stops it at
    once.
  - Stops where the controller has no session-manager-plugin, and where the bucket for files on their way has versions.
  - Runs on the controller. Based on the APIs of Systems Manager, EC2 and S3.
author: vaultops maintainers (@vaultops)
options:
  instances:
    description: Ids of the nodes' instances, by the nodes' names.
    type: dict
    required: true
  bucket:
    description: Bucket for files on their way. Without it, no bucket is looked at, as for SSH through Systems Manager.
    type: str
  plugin:
    description: Path of the session-manager-plugin. Without it, it is looked for as the connection plugin does.
    type: str
  wait_timeout:
    description: How long to wait for nodes that were launched a moment ago, in seconds.
    type: int
    default: 600
extends_documentation_fragment:
  - vaultops.cluster.aws
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Every node's agent is online
  vaultops.cluster.aws_sessions_info:
    instances: {vault-1: i-00000000000000001, vault-2: i-00000000000000002, vault-3: i-00000000000000003}
    bucket: example-transfer
    region: eu-central-1
"""

RETURN = r"""
instances:
  description: What Systems Manager says of each node's agent, which is V(Online).
  returned: success
  type: dict
"""

import datetime as dt
import os
import shutil
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ..module_utils._aws import bucket, sessions, sessions_api
from ..module_utils._aws.errors import translate_errors
from ..module_utils._aws.module import run_aws_module, s3_config
from ..module_utils._common.errors import Problem
from ..module_utils._common.wait import Wait

PAUSE_SECONDS = 3.0
# Where the connection plugin looks first.
PLUGIN = "/usr/local/bin/session-manager-plugin"


def run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    params, wanted = module.params, module.params["instances"]
    _need_plugin(params["plugin"])
    if wrong := sessions.no_instances(wanted):
        said = ", ".join(f"{name} ({wanted[name]})" for name in wrong)
        cure = "Set ansible_host to aws_instance_id in the inventory."
        raise Problem(f"{said}: no id of an instance, which a session needs", cure)
    if params["bucket"]:
        _need_no_versions(module, params["bucket"])
    agents, wait = module.client("ssm"), Wait(params["wait_timeout"], PAUSE_SECONDS)
    while names := sessions.missing(
        states := sessions.statuses(sessions_api.agents(agents, [*wanted.values()]), wanted)
    ):
        with translate_errors(module.region, "ec2"):
            machines = sessions_api.instances(module.client("ec2"), [wanted[name] for name in names])
        waits = sessions.booting(names, wanted, machines, dt.datetime.now(dt.timezone.utc))
        if not (waits and wait.again()):
            waited = f"That was after {params['wait_timeout']} s." if waits else "Nothing was changed on any node."
            raise Problem(" ".join(sessions.problems(states, wanted, machines)), waited)
    return {"changed": False, "instances": states}


def _need_plugin(path: str | None) -> None:
    found = os.path.exists(path) if path else os.path.exists(PLUGIN) or shutil.which("session-manager-plugin")
    if not found:
        raise Problem(
            f"this controller has no session-manager-plugin ({path or 'neither in ' + PLUGIN + ' nor in PATH'})",
            "Install it from AWS, or set ansible_aws_ssm_plugin to its path.",
        )


def _need_no_versions(module: AnsibleAWSModule, name: str) -> None:
    config = s3_config(module.params["endpoint_url"])
    with translate_errors(module.region, "s3"):
        status = sessions_api.versioning(module.client("s3", config=config), name)
    said = bucket.versioned([{"name": name, "bucket_versioning": {"Status": status}}], name)
    if said:
        raise Problem(said[0], "")


OPTIONS: dict[str, t.Any] = {
    "instances": {"type": "dict", "required": True},
    "bucket": {"type": "str"},
    "plugin": {"type": "str"},
    "wait_timeout": {"type": "int", "default": 600},
}


def main() -> None:
    run_aws_module(run, OPTIONS, "ssm")


if __name__ == "__main__":
    main()
