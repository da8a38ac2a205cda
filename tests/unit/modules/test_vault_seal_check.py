"""A node proves that its role may use the unseal key: with moto's KMS, and stand-ins on loopback for the metadata service and
for a KMS that is not well."""

from __future__ import annotations

import collections
import contextlib
import http.server
import json
import threading
import urllib.request

import boto3
import pytest
import requests
from ansible_collections.vaultops.cluster.plugins.module_utils._node import kms as node_kms
from ansible_collections.vaultops.cluster.plugins.module_utils._node import metadata
from ansible_collections.vaultops.cluster.plugins.modules import vault_seal_check

REGION = "eu-central-1"
ALIAS = "alias/vault-unseal"
NOBODY = "http://127.0.0.1:1"
SECRET = "a-secret-access-key"
CREDENTIALS = {"Code": "Success", "AccessKeyId": "ASIAUNIT", "SecretAccessKey": SECRET, "Token": "a-session-token"}
ROLE_AT = "/latest/meta-data/iam/security-credentials/"


@pytest.fixture
def serving():
    """Starts a server that answers by a function of the method, the path and the body; None hangs up."""
    with contextlib.ExitStack() as stack:

        def serve(answer):
            class Handler(http.server.BaseHTTPRequestHandler):
                def log_message(self, *_arguments):
                    pass

                def _any(self):
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    found = answer(self, body)
                    if found is not None:
                        self.send_response(found[0])
                        self.end_headers()
                        self.wfile.write(found[1])

                do_GET = do_POST = do_PUT = _any  # noqa: N815

            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield serve


class Instance:
    """What the metadata service of an instance with a role says, to who has a token of IMDSv2."""

    def __init__(self):
        self.role, self.credentials, self.tokens_asked = b"vault-prod-node", CREDENTIALS, 0
        self.status = 200

    def answer(self, request, _body):
        if self.status != 200:
            return self.status, b""
        if (request.command, request.path) == ("PUT", "/latest/api/token"):
            self.tokens_asked += 1
            return 200, b"a-token-of-imds"
        if request.headers.get("X-aws-ec2-metadata-token") != "a-token-of-imds":
            return 401, b""
        if request.path == ROLE_AT:
            return (200, self.role) if self.role else (404, b"")
        if request.path == ROLE_AT + self.role.decode():
            return 200, json.dumps(self.credentials).encode()
        return 404, b""


@pytest.fixture
def instance(serving, monkeypatch):
    made = Instance()
    monkeypatch.setattr(metadata, "SERVICE", serving(made.answer))
    return made


@pytest.fixture(scope="module")
def made_once():
    """A client takes longer to make than all that is asked of it."""
    return []


@pytest.fixture
def kms(aws, made_once):
    if not made_once:
        made_once.append(boto3.client("kms", REGION, endpoint_url=aws))
    return made_once[0]


@pytest.fixture
def key(kms):
    arn = kms.create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=arn)
    return arn


@pytest.fixture
def proven(instance, run_module):
    return lambda url, check=False, key_id=ALIAS, **more: run_module(
        vault_seal_check, check, key_id=key_id, region=REGION, endpoint_url=url, **more
    )


@pytest.mark.parametrize("check", [False, True])
def test_a_key_that_the_role_may_use_is_proven(proven, aws, instance, key, check):
    said = proven(aws, check)
    assert (said["changed"], said["key_arn"], said["key_state"]) == (False, key, "Enabled")
    assert instance.tokens_asked == 1
    for secret in (SECRET, "a-session-token", "a-token-of-imds"):
        assert secret not in json.dumps(said)


@pytest.mark.parametrize("named", ["arn", "id"])
def test_a_key_may_be_named_in_any_way(proven, aws, key, named):
    assert proven(aws, key_id=key if named == "arn" else key.rpartition("/")[2])["key_arn"] == key


def test_all_three_rights_are_asked_for_as_the_instances_role(proven, serving, aws, key):
    """Vault needs DescribeKey, Encrypt and Decrypt; each is signed with the role's credentials."""
    asked = []

    def pass_on(request, body):
        asked.append(
            (request.headers["X-Amz-Target"], request.headers["Authorization"], request.headers["X-Amz-Security-Token"])
        )
        answer = requests.post(aws, data=body, headers=dict(request.headers), timeout=5)
        return answer.status_code, answer.content

    assert proven(serving(pass_on))["key_arn"] == key
    assert [one[0] for one in asked] == [f"TrentService.{name}" for name in ("DescribeKey", "Encrypt", "Decrypt")]
    assert all("Credential=ASIAUNIT/" in one[1] and f"/{REGION}/kms/" in one[1] for one in asked)
    assert {one[2] for one in asked} == {"a-session-token"}


def test_a_key_that_is_not_there_is_named_with_what_to_do(proven, aws, kms):
    said = proven(aws)
    assert said["msg"].startswith("kms:DescribeKey was refused: NotFoundException: ")
    assert ALIAS in said["msg"]
    assert "Create the key and its alias (playbooks/site.yml does), or name the right one and region." in said["msg"]


@pytest.mark.parametrize(
    ("spoil", "state"), [("disable_key", "Disabled"), ("schedule_key_deletion", "PendingDeletion")]
)
def test_a_key_that_would_not_unseal_is_refused(proven, aws, kms, key, spoil, state):
    getattr(kms, spoil)(KeyId=key.rpartition("/")[2])
    assert proven(aws)["msg"] == (
        f"the unseal key {ALIAS} ({key}) is {state}. Enable it, or cancel its deletion: without it Vault can't unseal."
    )


def test_a_key_for_something_else_is_refused(proven, aws, kms):
    arn = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    assert proven(aws, key_id=arn)["msg"] == f"the key {arn} is for SIGN_VERIFY. The seal needs an ENCRYPT_DECRYPT key."


def a_kms(**answers):
    """Answers each action with what is given; where nothing is, as a key that is well."""
    well = {
        "DescribeKey": {"KeyMetadata": {"Arn": "arn:x", "KeyState": "Enabled", "KeyUsage": "ENCRYPT_DECRYPT"}},
        "Encrypt": {"CiphertextBlob": "c2VhbGVk"},
        "Decrypt": {"Plaintext": "b3RoZXI="},
    }

    def answer(request, _body):
        action = request.headers["X-Amz-Target"].partition(".")[2]
        return answers[action] if action in answers else (200, json.dumps(well[action]).encode())

    return answer


@pytest.mark.parametrize("action", ["DescribeKey", "Encrypt", "Decrypt"])
def test_each_right_that_is_missing_is_named(proven, serving, action):
    denied = 400, b'{"__type": "com.amazonaws#AccessDeniedException", "Message": "not authorized"}'
    said = proven(serving(a_kms(**{action: denied})))
    assert said["msg"] == (
        f"kms:{action} was refused: AccessDeniedException: not authorized. The role of this instance needs kms:{action} on the "
        "key's ARN, in its own policy and in the key's."
    )


def test_a_key_that_does_not_give_back_what_it_took_is_refused(proven, serving):
    assert proven(serving(a_kms()))["msg"] == f"the key {ALIAS} does not decrypt what it encrypted."


@pytest.mark.parametrize("action", ["DescribeKey", "Encrypt", "Decrypt"])
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, b"<html>Log in</html>"), "what answers is not KMS: "),
        ((200, b"[]"), "what answers is not KMS: "),
        ((200, b"{}"), "what answers is not KMS: "),
        ((503, b"busy"), "was refused: 503: busy"),
        (None, "KMS can't be reached at http://127.0.0.1:"),
    ],
)
def test_whatever_stands_in_the_place_of_kms_is_said_in_words(proven, serving, action, answer, says):
    said = proven(serving(a_kms(**{action: answer})))
    assert said["failed"]
    assert says in said["msg"]
    assert SECRET not in json.dumps(said)


# --- the metadata service


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"role": b""}, "this instance has no IAM role. Attach the instance profile that may use the unseal key."),
        ({"status": 403}, "the instance metadata service answered 403 for /latest/api/token."),
        (
            {"role": b"<html>Log in</html>"},
            "it names as this instance's role '<html>Log in</html>'. See what took its address.",
        ),
        (
            {"credentials": {"Code": "AssumeRoleUnauthorizedAccess"}},
            "no credentials for the role vault-prod-node (AssumeRole",
        ),
        ({"credentials": {"Code": "Success"}}, "the credentials for the role vault-prod-node are not whole"),
        ({"credentials": []}, "it has no object about the role vault-prod-node"),
    ],
)
def test_an_instance_without_a_role_of_its_own_is_said_in_words(proven, instance, spoil, says):
    vars(instance).update(spoil)
    said = proven(NOBODY)
    assert said["failed"]
    assert says in said["msg"]


def test_a_machine_without_a_metadata_service_is_told_what_it_needs(proven, monkeypatch):
    monkeypatch.setattr(metadata, "SERVICE", NOBODY)
    said = proven(NOBODY)
    assert said["msg"].startswith("the instance metadata service does not answer (")
    assert "It must be enabled on the instance, with a hop limit of 1" in said["msg"]


@pytest.mark.parametrize("breaks", [2, 3])
def test_a_connection_that_breaks_off_is_made_again(proven, serving, monkeypatch, aws, key, breaks):
    """By the metadata service and by KMS, twice for each question, or once too often."""
    asked, instance = collections.Counter(), Instance()

    def breaking(answer, name):
        def first(request, body):
            asked[what := (name, request.path, request.headers.get("X-Amz-Target"))] += 1
            return None if asked[what] <= breaks else answer(request, body)

        return first

    def forward(request, body):
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        with urllib.request.urlopen(urllib.request.Request(aws, data=body, headers=headers)) as found:
            return found.status, found.read()

    monkeypatch.setattr(metadata, "SERVICE", serving(breaking(instance.answer, "metadata")))
    said = proven(serving(breaking(forward, "kms")))
    if breaks == 2:
        assert not said.get("failed") and said["key_arn"] == key
        assert len(asked) == 6 and set(asked.values()) == {3}
    else:
        assert said["failed"] and said["msg"].startswith("the instance metadata service does not answer (")


@pytest.mark.parametrize("code", ["AccessDeniedException", "NotFoundException"])
def test_a_refusal_that_passes_is_waited_for_and_one_that_stays_is_said(proven, serving, aws, key, monkeypatch, code):
    monkeypatch.setattr(node_kms, "PAUSE_SECONDS", 0.01)
    refused, asked = (
        (400, json.dumps({"__type": f"com.amazonaws#{code}", "Message": "no"}).encode()),
        collections.Counter(),
    )

    def answer(request, body):
        asked[request.headers["X-Amz-Target"]] += 1
        if asked[request.headers["X-Amz-Target"]] < 3:
            return refused
        answered = requests.post(aws, data=body, headers=dict(request.headers), timeout=30)
        return answered.status_code, answered.content

    assert proven(serving(answer), patience=30)["key_state"] == "Enabled"
    asked.clear()
    found = proven(serving(lambda *_request: refused), patience=0)
    assert found["failed"] and code in found["msg"]


def test_a_refusal_for_another_reason_is_said_at_once(proven, serving):
    asked = []

    def answer(_request, _body):
        asked.append(1)
        return 400, b'{"__type": "DisabledException", "Message": "no"}'

    assert proven(serving(answer), patience=30)["failed"]
    assert len(asked) == 1
