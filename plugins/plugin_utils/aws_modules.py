# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules of AWS's collections that the roles call are run as those of this one are: see action/on_controller.py.

There are dozens of such tasks in a run, and for each, Ansible would start a Python that imports boto3 anew: a second for a call
of a tenth. Which action plugin runs a module is said in the meta/runtime.yml of the module's collection. This adds to what
Ansible has read of it, in this process alone. Where that can't be done, the modules are run as ever.
"""

from __future__ import annotations

import contextlib
import importlib

from ansible_collections.vaultops.cluster.plugins.action import on_controller

MODULES = {
    "amazon.aws": (
        "aws_caller_info",
        "ec2_eni_info",
        "ec2_instance",
        "ec2_instance_info",
        "ec2_security_group",
        "ec2_security_group_info",
        "ec2_tag",
        "ec2_vpc_subnet_info",
        "elb_application_lb_info",
        "iam_instance_profile",
        "iam_managed_policy",
        "iam_policy",
        "iam_role",
        "s3_bucket",
    ),
    "community.aws": ("elb_network_lb", "elb_target_group", "s3_lifecycle", "secretsmanager_secret"),
}
ROUTED = {"action_plugin": "vaultops.cluster.on_controller"}


def route() -> None:
    if not on_controller.CAN_RUN_HERE:
        return
    for collection, names in MODULES.items():
        # Who needs the collection says that it is missing, and how it is installed.
        with contextlib.suppress(ImportError):
            package = importlib.import_module(f"ansible_collections.{collection}")
            meta = getattr(package, "_collection_meta", None)
            if isinstance(meta, dict):
                modules = meta.setdefault("plugin_routing", {}).setdefault("modules", {})
                for name in names:
                    # What the collection itself says of a module stands.
                    modules.setdefault(name, ROUTED)
