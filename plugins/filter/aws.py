# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pure functions that AWS is provisioned with."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._aws import (
    administrators,
    alias_record,
    alias_state,
    balancers,
    bucket,
    endpoints,
    errors,
    image,
    instances,
    ownership,
    policies,
    renewal,
    rules,
    runner_policies,
    volumes,
    way_out,
)


def endpoint_problems(wanted, node, listening):
    return way_out.problems(node, wanted, listening)


class FilterModule:
    def filters(self):
        return {
            "alias_record_problems": alias_record.problems,
            "alarms_key_policy": policies.alarms_key_policy,
            "aws_failure": errors.in_words,
            "aws_endpoint_problems": endpoints.problems,
            "aws_told_urls": endpoints.told,
            "aws_urls": endpoints.urls,
            "bucket_differences": bucket.differences,
            "bucket_policy": policies.bucket_policy,
            "bucket_policy_problems": bucket.policy_problems,
            "endpoint_problems": endpoint_problems,
            "endpoints_wanted": way_out.wanted,
            "image_problems": image.problems,
            "hold_words": administrators.hold_words,
            "iam_problems": rules.problems,
            "init_policy": policies.init_policy,
            "group_problems": instances.group_problems,
            "instance_plan": instances.plan,
            "instances_leaving": renewal.leaving,
            "instances_remembered": instances.remembered,
            "instances_replaced": renewal.replaced,
            "instances_settled": instances.settled,
            "instances_to_retire": renewal.retire,
            "instances_without_groups": instances.without_groups,
            "instances_without_volumes": volumes.without,
            "inventory_problems": instances.inventory_problems,
            "just_launched": instances.just_launched,
            "key_policy": policies.key_policy,
            "launch_volumes": volumes.launch,
            "launched_volumes": volumes.launched,
            "load_balancer_plan": balancers.plan,
            "load_balancer_problems": instances.load_balancer_problems,
            "lockout_problems": administrators.lockout_problems,
            "node_policy": policies.node_policy,
            "others_policies": rules.others_policies,
            "owned": ownership.owned,
            "removal_bucket_problems": ownership.bucket_problems,
            "root_of_account": policies.root_of_account,
            "replica_bucket_problems": policies.replica_bucket_problems,
            "replicated_names": policies.replicated,
            "replication_policy": policies.replication_policy,
            "runner_policies": runner_policies.runner_policies,
            "seal_problems": alias_state.seal_problems,
            "second_region": policies.there,
            "service_principal": endpoints.service_principal,
            "too_long_policies": runner_policies.too_long,
            "ownership_problems": ownership.problems,
            "own_transfer_bucket_problems": policies.own_transfer_bucket_problems,
            "transfer_bucket_differences": bucket.transfer_differences,
            "transfer_bucket_policy": policies.transfer_bucket_policy,
            "transfer_bucket_problems": policies.transfer_bucket_problems,
            "versioned_bucket_problems": bucket.versioned,
        }
