# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pure functions that AWS is provisioned with."""

from __future__ import annotations

from ansible_collections.vaultops.cluster.plugins.module_utils._aws import (
    bucket,
    errors,
    instances,
    ownership,
    policies,
)


class FilterModule:
    def filters(self):
        return {
            "aws_failure": errors.in_words,
            "bucket_differences": bucket.differences,
            "bucket_policy": policies.bucket_policy,
            "init_policy": policies.init_policy,
            "instance_plan": instances.plan,
            "key_policy": policies.key_policy,
            "lockout_problems": policies.lockout_problems,
            "node_policy": policies.node_policy,
            "ownership_problems": ownership.problems,
        }
