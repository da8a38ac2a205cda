"""The one error, and how modules end with it."""

from __future__ import annotations

import types

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import module as modules
from ansible_collections.vaultops.cluster.plugins.module_utils._common.aws import refusal_in, refusal_of
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.errors import Exit, Failure
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from botocore import exceptions


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (Problem("the disk is full"), "the disk is full."),
        (Problem("the disk is full.", "Make room."), "the disk is full. Make room."),
        (Problem("it is full", "Make room.", where="/var"), "/var: it is full. Make room."),
        (VaultError("vault-1", "it is sealed", "Unseal it."), "vault-1: it is sealed. Unseal it."),
        (Failure(Exit.DISK, "it is full", "Make room."), "it is full. Make room."),
    ],
)
def test_cause_and_cure_are_one_text(problem, says):
    assert isinstance(problem, Problem)
    assert str(problem) == says


def test_the_first_error_stays_the_one_that_is_told():
    first = Problem("it is full", "Make room.", where="/var")
    first.also(Problem("it is sealed", "Unseal it.", where="vault-1"))
    first.also(Problem("nobody knows"))
    assert str(first) == "/var: it is full. Make room. Then vault-1: it is sealed. Then nobody knows."


def module_that(work, **rules):
    """As a module file is for the runner: something with main()."""
    return types.SimpleNamespace(main=lambda: modules.run_module(work, {"name": {"type": "str"}}, OSError, **rules))


def test_a_result_is_given_back_with_whether_it_is_check_mode(run_module):
    module = module_that(lambda params, check: {"changed": True, "seen": [params["name"], check]})
    assert run_module(module, name="x")["seen"] == ["x", False]
    assert run_module(module, check=True, name="x")["seen"] == ["x", True]


def test_a_warning_is_given_in_the_way_that_ansible_goes_on_taking(run_module):
    said = run_module(module_that(lambda params, check: {"changed": False, "warnings": ["Nobody looked."]}))
    assert said["changed"] is False
    assert "Nobody looked." in str(said["warnings"])
    assert not [one for one in said.get("deprecations", []) if "exit_json" in str(one)], said


@pytest.mark.parametrize("error", [Problem("it is full", "Make room."), VaultError("a", "b"), OSError(28, "No space")])
def test_what_has_words_for_people_is_told(run_module, error):
    def work(_params, _check):
        raise error

    said = run_module(module_that(work))
    assert said["failed"] and said["msg"] == str(error)


def test_a_bug_is_not_made_to_look_like_a_cause(run_module):
    def work(_params, _check):
        raise KeyError("bug")

    with pytest.raises(KeyError):
        run_module(module_that(work))


def test_a_library_that_is_missing_is_named_before_anything_is_done(run_module):
    done = []
    said = run_module(
        module_that(lambda *_arguments: done.append(1) or {}, libraries={"there": None, "hvac": "Traceback ..."})
    )
    assert "hvac" in said["msg"] and said["failed"]
    assert not done
    with pytest.raises(Problem, match="boto3"):
        modules.require({"there": None, "boto3": "Traceback ..."})


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (
            exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Encrypt"),
            "refused",
            "AccessDenied",
        ),
        (exceptions.NoCredentialsError(), "credentials", ""),
        (exceptions.CredentialRetrievalError(provider="x", error_msg="y"), "credentials", ""),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "endpoint", ""),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), "other", ""),
        (ValueError("x"), "other", ""),
        (None, "other", ""),
    ],
)
def test_what_boto3_raised_is_told_by_its_kind(error, kind, code):
    found = refusal_of(error)
    assert (found.kind, found.code) == (kind, code)


def test_an_answer_without_an_error_has_no_code():
    assert refusal_in({"ResponseMetadata": {}}).code == ""
    assert refusal_in({"Error": {"Code": "Disabled", "Message": None}}).message == ""
