# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What AWS refuses, in words: the cause, and what to do about it."""

from __future__ import annotations

import re
import typing as t
from contextlib import contextmanager

from .._common.aws import FAILURES, Refusal, refusal_of
from .._common.errors import Problem

_CREDENTIALS = "Log in to AWS again, or give the controller a role, a profile, or valid access keys."
_ALLOW = "Allow it in the policy of the identity that runs this, and in the key's policy where a key is meant."
_QUOTA = "Ask AWS for a higher quota, or remove what is not used."
_MADE_MEANWHILE = "It was made a moment ago: by another run, or by this one, and AWS's answer got lost. Run again."
_THROTTLED = "AWS throttles this account. Run again in a minute."
CURES = {
    "403": "The bucket is somebody else's, or a policy keeps this identity out of it. Choose another name, or ask its owner.",
    "AccessDenied": _ALLOW,
    "AddressLimitExceeded": _QUOTA,
    "AlreadyExists": _MADE_MEANWHILE,
    "AuthFailure": _CREDENTIALS,
    "BucketAlreadyExists": "Bucket names are shared by all of AWS, and this one is somebody else's. Choose another.",
    "DependencyViolation": "Something still uses it, such as a rule of another security group or a network interface. Run again: "
    "decommission.yml names what is not the cluster's.",
    "Disabled": "Enable the key first.",
    "DuplicateLoadBalancerName": _MADE_MEANWHILE,
    "DuplicateTargetGroupName": _MADE_MEANWHILE,
    "EntityAlreadyExists": _MADE_MEANWHILE,
    "ExpiredToken": "The session's credentials have expired. Log in to AWS again.",
    "InstanceLimitExceeded": _QUOTA,
    "InsufficientFreeAddressesInSubnet": "Name another subnet, or release addresses in this one.",
    "InsufficientInstanceCapacity": "The zone has no more instances of this type. Wait, or set vault_ec2_instance_type.",
    "InvalidAMIID.NotFound": "Images belong to one region: check vault_ec2_image_id and the region.",
    "InvalidAliasName": "Alias names are alias/ and letters, digits, '/', '_' and '-', and not alias/aws/.",
    "InvalidArn": "Check the ARN, and that its region is the one that is asked.",
    "InvalidBlockDeviceMapping": "The image and the volumes of the inventory don't fit: no volume may be smaller than the "
    "image's.",
    "InvalidChangeBatch": "Check that vault_tls_server_name lies in the zone of vault_load_balancer_zone_id.",
    "InvalidClientTokenId": _CREDENTIALS,
    "InvalidConfigurationRequest": "What is asked for does not fit what is there: compare it with the inventory, or remove it by "
    "hand.",
    "InvalidGroup.Duplicate": _MADE_MEANWHILE,
    "LimitExceeded": _QUOTA,
    "MalformedPolicy": "S3 also refuses a policy that names who does not exist: a role of the inventory, or whom a statement of "
    "others names.",
    "MalformedPolicyDocument": "AWS also refuses a policy by which the caller could not change the key again, and one "
    "that names who does not exist: keep the caller, or the account's root, among the key's administrators, and give the ARNs of "
    "other accounts' roles with their paths.",
    "NoSuchEntity": "What it names does not exist, or not any more: check vault_iam_permissions_boundary and "
    "vault_aws_node_managed_policies.",
    "NoSuchBucket": "Create it (playbooks/provision.yml does), or name the right one and its region.",
    "NoSuchHostedZone": "Check vault_load_balancer_zone_id, and the account.",
    "NotFound": "Check the name, the account and the region.",
    "OperationNotPermitted": "AWS refuses this for a thing in this state, such as one with termination or deletion protection. "
    "Take the protection off.",
    "RequestExpired": "The session's credentials have expired, or this machine's clock is wrong. Log in to AWS again, or set "
    "the clock.",
    "RequestLimitExceeded": _THROTTLED,
    "ResourceInUse": "Something still uses it, or AWS does not know yet that nothing does. Run again in some minutes.",
    "SlowDown": _THROTTLED,
    "Throttling": _THROTTLED,
    "UnauthorizedOperation": _ALLOW,
    "UnrecognizedClient": _CREDENTIALS,
    "Unsupported": "The zone does not offer this type, or not with this image. Set vault_ec2_instance_type, or name another "
    "subnet.",
    "VcpuLimitExceeded": _QUOTA,
}
_SAID = re.compile(
    r"An error occurred \((?P<code>[\w.]+)\) when calling the (?P<operation>\w+) operation"
    r"(?: \(reached max retries: \d+\))?: (?P<text>.*)"
)
# AWS never answered, so there is no code: errors of botocore's own, of which a result has the words alone.
_NO_CREDENTIALS = ("Unable to locate credentials", "NoCredentialsError", "Partial credentials")
_NO_ENDPOINT = ("Could not connect to the endpoint URL", "Connect timeout on endpoint", "Invalid endpoint")
_NO_REGION = "doesn't match a supported format"
# Some modules of amazon.aws tell what they tried and drop what AWS said; ansible-core keeps that when asked for tracebacks.
_CAUSE_DROPPED = re.compile(r"(^|: )(Failed|Timeout trying) to [^:]+$")
# Under which options modules know what they are about.
_NAMES = ("name", "iam_name", "resource", "bucket")


class Refused(Problem):
    """AWS said no, with *code*."""

    def __init__(self, cause: str, code: str) -> None:
        super().__init__(cause, cure(code))
        self.code = code


def cure(code: str) -> str:
    """What to do about an error code of AWS; services name the same error with and without 'Exception'."""
    return CURES.get(code.removesuffix("Exception"), "")


def in_words(result: dict[str, t.Any], task: str, region: str) -> str:
    """The result of a failed amazon.aws or community.aws task, as what it was about, the cause and the cure."""
    failed = next((item for item in result.get("results", []) if item.get("failed")), result)
    said = failed.get("msg", "")
    refusal = _refusal(failed)
    advice, end = "", "What was made so far stays, and the next run goes on from there."
    if refusal:
        cause = f"{refusal.operation} was refused: {refusal.code}: {refusal.message.strip().rstrip('.')}."
        advice = cure(refusal.code)
    elif any(words in said for words in _NO_CREDENTIALS):
        cause, advice = "no AWS credentials were found.", _CREDENTIALS
    elif any(words in said for words in _NO_ENDPOINT):
        cause, advice = f"AWS can't be reached in {region}.", "Check the region's name, the endpoint and the way out."
    elif _NO_REGION in said:
        cause, advice = f"'{region}' is not a region's name.", "Set vault_aws_region to one such as eu-central-1."
    elif not said and failed.get("attempts"):
        cause = f"it is not so yet, after {failed['attempts']} looks."
        advice = "Look at it in AWS, and run again."
    elif _CAUSE_DROPPED.search(said):
        cause = f"{said}."
        advice = "The module does not pass on AWS's own error. To see that error, run again with ANSIBLE_DISPLAY_TRACEBACK=error."
    else:
        cause, end = said, ""
    name = str(failed["item"]) if "item" in failed else _name(failed)
    subject = f"{task}: {name}" if name and name not in cause else task
    return " ".join(part for part in (f"{subject} ({region}): {cause}", advice, end) if part)


def _refusal(result: dict[str, t.Any]) -> Refusal | None:
    """What AWS answered, if it did: by that answer, which modules pass on as 'error'.

    Only botocore's sentence tells the operation. It is also all that there is of the code where a module hands on an error of
    amazon.aws's own, or ends by one: elb_network_lb that makes a load balancer; and, with the sentence in the traceback alone,
    ec2_security_group, ec2_tag, elb_network_lb that changes a load balancer, and ec2_instance that changes an instance.
    """
    sentence = _SAID.search(result.get("msg", "")) or _SAID.search(result.get("exception") or "")
    answer = result.get("error")
    if isinstance(answer, dict) and answer.get("code"):
        code, text = str(answer["code"]), str(answer.get("message") or "Unknown").partition("\n")[0]
        operation = sentence["operation"] if sentence and sentence["code"] == code else "the request"
        return Refusal("refused", text, code, operation)
    return Refusal("refused", sentence["text"], sentence["code"], sentence["operation"]) if sentence else None


def _name(result: dict[str, t.Any]) -> str:
    given = result.get("invocation", {}).get("module_args", {})
    return next((str(given[option]) for option in _NAMES if given.get(option)), "")


@contextmanager
def translate_errors(region: str | None, service: str = "KMS") -> t.Iterator[None]:
    """Every failure of boto3 inside comes out as a Problem."""
    where = f"in {region}" if region else "(no region)"
    try:
        yield
    except FAILURES as error:
        found = refusal_of(error)
        if found.kind == "refused":
            cause = f"{service.lower()}:{found.operation} was refused {where}: {found.code}: {found.message}"
            raise Refused(cause, found.code) from error
        if found.kind == "credentials":
            raise Problem(f"no AWS credentials were found for {service} {where}", _CREDENTIALS) from error
        if found.kind == "endpoint":
            cause = f"{service} can't be reached {where} ({found.message})"
            raise Problem(cause, "Check the region's name, the endpoint and the way out.") from error
        cause = f"{service} can't be used {where} ({found.message})"
        raise Problem(cause, "Check region, endpoint and credentials.") from error
