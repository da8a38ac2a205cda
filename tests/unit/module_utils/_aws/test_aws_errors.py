"""What a failed task of amazon.aws becomes in words."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws.errors import (
    CURES,
    Refused,
    cure,
    in_words,
    translate_errors,
)
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from botocore.exceptions import ClientError, NoCredentialsError

GOES_ON = "What was made so far stays, and the next run goes on from there."


def said(text: str, **more: object) -> str:
    return in_words({"msg": text, "failed": True, **more}, "The task", "eu-central-1")


def about(**arguments: object) -> dict[str, object]:
    return {"module_args": {"region": "eu-central-1", **arguments}}


CASES = {
    "a cause that AWS gave": (
        said(
            "Unable to create role: An error occurred (AccessDenied) when calling the CreateRole operation: not role/r.",
            invocation=about(name="r"),
        ),
        f"The task (eu-central-1): CreateRole was refused: AccessDenied: not role/r. {cure('AccessDenied')} {GOES_ON}",
    ),
    "a name that AWS does not give": (
        said(
            "An error occurred (403) when calling the HeadBucket operation: Forbidden", invocation=about(name="taken")
        ),
        f"The task: taken (eu-central-1): HeadBucket was refused: 403: Forbidden. {CURES['403']} {GOES_ON}",
    ),
    "a name that only the module gives": (
        said(
            "Failed to create load balancer lb: An error occurred (Odd) when calling the CreateLoadBalancer operation: Hm",
            invocation=about(name="lb"),
        ),
        f"The task: lb (eu-central-1): CreateLoadBalancer was refused: Odd: Hm. {GOES_ON}",
    ),
    "after retries": (
        said(
            "An error occurred (SlowDown) when calling the PutBucketTagging operation (reached max retries: 4): Please "
            "reduce your request rate."
        ),
        "The task (eu-central-1): PutBucketTagging was refused: SlowDown: Please reduce your request rate. "
        f"{CURES['SlowDown']} {GOES_ON}",
    ),
    "a code without a cure": (
        said("An error occurred (Odd.Code) when calling the RunInstances operation: Hm"),
        f"The task (eu-central-1): RunInstances was refused: Odd.Code: Hm. {GOES_ON}",
    ),
    "one item of a loop": (
        in_words(
            {
                "msg": "One or more items failed",
                "results": [
                    {"item": "vault-1", "failed": False},
                    {
                        "item": "vault-2",
                        "failed": True,
                        "msg": "An error occurred (Odd) when calling the RunInstances operation: Hm",
                        "invocation": about(name="another"),
                    },
                ],
            },
            "Launch",
            "eu-central-1",
        ),
        f"Launch: vault-2 (eu-central-1): RunInstances was refused: Odd: Hm. {GOES_ON}",
    ),
    "an item that is no text": (said("Hm", item={"a": 1}), "The task: {'a': 1} (eu-central-1): Hm"),
    "a cause that the module drops": (
        said("Unable to create security group: Failed to create security group", exception="(traceback unavailable)"),
        "The task (eu-central-1): Unable to create security group: Failed to create security group. The module does not "
        f"pass on AWS's own error. To see that error, run again with ANSIBLE_DISPLAY_TRACEBACK=error. {GOES_ON}",
    ),
    "a cause that only the traceback has": (
        said(
            "Unable to create security group: Failed to create security group",
            exception="Traceback\nClientError: An error occurred (RequestExpired) when calling the CreateSecurityGroup "
            "operation: Request has expired.\n\nThe above exception was the direct cause of\n",
        ),
        "The task (eu-central-1): CreateSecurityGroup was refused: RequestExpired: Request has expired. "
        f"{CURES['RequestExpired']} {GOES_ON}",
    ),
    "a code and a text that the module passes on": (
        said(
            "Failed to create role: An error occurred (AccessDenied) when calling the CreateRole operation: cut sh",
            error={"code": "AccessDenied", "message": "not role/r"},
        ),
        f"The task (eu-central-1): CreateRole was refused: AccessDenied: not role/r. {cure('AccessDenied')} {GOES_ON}",
    ),
    "a code before words of another kind": (
        said("Unable to locate credentials, says the message", error={"code": "SlowDown", "message": "Slower"}),
        f"The task (eu-central-1): the request was refused: SlowDown: Slower. {CURES['SlowDown']} {GOES_ON}",
    ),
    "a code that a sentence about another request does not bear out": (
        said(
            "An error occurred (Odd) when calling the GetRole operation: Hm",
            error={"code": "Throttling", "message": "Rate exceeded\nand more"},
        ),
        f"The task (eu-central-1): the request was refused: Throttling: Rate exceeded. {CURES['Throttling']} {GOES_ON}",
    ),
    "an answer without a text": (
        said("An error occurred (Odd) when calling the GetRole operation: Unknown", error={"code": "Odd"}),
        f"The task (eu-central-1): GetRole was refused: Odd: Unknown. {GOES_ON}",
    ),
    "no answer, and an error of the module's own": (said("Hm", error="E1"), "The task (eu-central-1): Hm"),
    "no credentials": (
        said("Failed to retrieve caller identity: Unable to locate credentials"),
        "The task (eu-central-1): no AWS credentials were found. Log in to AWS again, or give the controller a role, a "
        f"profile, or valid access keys. {GOES_ON}",
    ),
    "no way to AWS": (
        said('Failed to look: Could not connect to the endpoint URL: "http://127.0.0.1:9/"'),
        "The task (eu-central-1): AWS can't be reached in eu-central-1. Check the region's name, the endpoint and the way "
        f"out. {GOES_ON}",
    ),
    "a region that is none": (
        said("Couldn't connect to AWS: Provided region_name 'eu central 1' doesn't match a supported format."),
        "The task (eu-central-1): 'eu-central-1' is not a region's name. Set vault_aws_region to one such as "
        f"eu-central-1. {GOES_ON}",
    ),
    "an assertion of a role": (said("vault-1 is gone."), "The task (eu-central-1): vault-1 is gone."),
    "no message": (in_words({"failed": True}, "The task", "eu-central-1"), "The task (eu-central-1): "),
}


@pytest.mark.parametrize("name", CASES)
def test_in_words(name):
    result, words = CASES[name]
    assert result == words


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException"])
def test_a_cure_does_not_depend_on_the_services_suffix(code):
    assert cure(code) == CURES["Throttling"]


def test_what_aws_refuses_has_a_code_to_decide_by():
    answer = {"Error": {"Code": "MalformedPolicyDocumentException", "Message": "Policy contains invalid principals"}}
    with pytest.raises(Refused) as refused, translate_errors("eu-central-1"):
        raise ClientError(answer, "CreateKey")
    assert refused.value.code == "MalformedPolicyDocumentException"
    assert str(refused.value) == (
        "kms:CreateKey was refused in eu-central-1: MalformedPolicyDocumentException: Policy contains invalid principals. "
        + CURES["MalformedPolicyDocument"]
    )


def test_where_aws_did_not_answer_there_is_no_code():
    with pytest.raises(Problem) as problem, translate_errors("eu-central-1"):
        raise NoCredentialsError
    assert not isinstance(problem.value, Refused)
