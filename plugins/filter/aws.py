# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pure functions that AWS is provisioned with."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._aws import (
    alias_state,
    bucket,
    endpoints,
    errors,
    instances,
    ownership,
    policies,
    runner_policies,
    volumes,
)


def endpoint_problems(wanted, node, listening):
    return endpoints.problems(node, wanted, listening)


class FilterModule:
    def filters(self):
        return {
            "aws_failure": errors.in_words,
            "bucket_differences": bucket.differences,
            "bucket_policy": policies.bucket_policy,
            "endpoint_problems": endpoint_problems,
            "endpoints_wanted": endpoints.wanted,
            "init_policy": policies.init_policy,
            "instance_plan": instances.plan,
            "instances_remembered": instances.remembered,
            "instances_settled": instances.settled,
            "instances_without_volumes": volumes.without,
            "inventory_problems": instances.inventory_problems,
            "key_policy": policies.key_policy,
            "launch_volumes": volumes.launch,
            "launched_volumes": volumes.launched,
            "load_balancer_problems": instances.load_balancer_problems,
            "lockout_problems": policies.lockout_problems,
            "node_policy": policies.node_policy,
            "owned": ownership.owned,
            "removal_bucket_problems": ownership.bucket_problems,
            "root_of_account": policies.root_of_account,
            "runner_policies": runner_policies.runner_policies,
            "seal_problems": alias_state.seal_problems,
            "too_long_policies": runner_policies.too_long,
            "ownership_problems": ownership.problems,
            "own_transfer_bucket_problems": policies.own_transfer_bucket_problems,
            "transfer_bucket_differences": bucket.transfer_differences,
            "transfer_bucket_policy": policies.transfer_bucket_policy,
            "transfer_bucket_problems": policies.transfer_bucket_problems,
            "versioned_bucket_problems": bucket.versioned,
        }
