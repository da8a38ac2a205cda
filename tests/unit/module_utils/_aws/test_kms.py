"""The KMS modules over real HTTP, against a stand-in on loopback."""

from __future__ import annotations

import datetime
import http.server
import json
import threading

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import alias_state, key_state, kms_api
from ansible_collections.vaultops.cluster.plugins.modules import kms_alias, kms_key, kms_key_info, kms_replica
from kit.fault_proxy import Answer, FaultProxy, Rule
from labkit.settings import REGION

ALIAS = "alias/vault-unseal"


@pytest.fixture
def kms(aws):
    return boto3.client("kms", region_name=REGION, endpoint_url=aws)


@pytest.fixture
def run(aws, run_module):
    def call(module, check=False, **params):
        return run_module(module, check, region=REGION, **{"endpoint_url": aws, **params})

    return call


def make_key(kms, alias=None, **options):
    key_id = kms.create_key(KeyUsage="ENCRYPT_DECRYPT", **options)["KeyMetadata"]["KeyId"]
    if alias:
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    return key_id


def test_key_and_alias_come_about_once(run, kms):
    wanted = {"alias": ALIAS, "description": "Unseals", "tags": {"Service": "vault"}, "enable_key_rotation": True}
    predicted = run(kms_key, True, **wanted)
    assert kms.list_keys()["Keys"] == []
    first = run(kms_key, **wanted)
    second = run(kms_key, **wanted)
    assert (predicted["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert predicted["key"].keys() == first["key"].keys()
    assert predicted["key"]["key_id"] is None
    assert first["key"]["aliases"] == [ALIAS]
    assert first["key"]["rotation_enabled"] is True
    assert first["key"]["tags"]["Service"] == "vault"
    assert len(kms.list_keys()["Keys"]) == 1


def test_a_key_is_brought_in_line(run, kms):
    make_key(kms, ALIAS, Description="old", Tags=[{"TagKey": "Old", "TagValue": "1"}])
    changed = run(kms_key, alias="vault-unseal", description="new", tags={"New": "2"})
    assert changed["steps"] == ["description", "tag", "untag"]
    assert changed["key"]["tags"] == {"New": "2"}
    assert changed["diff"]["before"]["description"] == "old"
    kept = run(kms_key, alias=ALIAS, tags={"More": "3"}, purge_tags=False)
    assert kept["key"]["tags"] == {"New": "2", "More": "3"}
    assert run(kms_key, alias=ALIAS)["changed"] is False


def test_a_key_that_a_killed_run_left_without_its_alias_is_found_again(run, kms):
    orphan = make_key(kms, Tags=[{"TagKey": key_state.ALIAS_TAG, "TagValue": ALIAS}])
    result = run(kms_key, alias=ALIAS)
    assert result["key"]["key_id"] == orphan
    assert result["steps"] == ["alias"]
    assert len(kms.list_keys()["Keys"]) == 1


CA = {
    "alias": "alias/vault-prod-ca",
    "purpose": "ca",
    "description": "Signs",
    "required_tags": {"vault-cluster": "prod"},
}


def test_a_key_that_signs_comes_about_once_and_is_never_taken_for_one_that_encrypts(run, kms):
    predicted, first, second = run(kms_key, True, **CA), run(kms_key, **CA), run(kms_key, **CA)
    assert (predicted["changed"], first["changed"], second["changed"]) == (True, True, False)
    kind = ("SIGN_VERIFY", "ECC_NIST_P384")
    assert (predicted["key"]["key_usage"], predicted["key"]["key_spec"]) == kind
    assert (first["key"]["key_usage"], first["key"]["key_spec"]) == kind
    assert first["key"]["tags"]["vault-cluster"] == "prod"
    assert len(kms.list_keys()["Keys"]) == 1
    said = run(kms_key, **{**CA, "purpose": "seal"})
    assert "is a ECC_NIST_P384 key for SIGN_VERIFY, and Vault's seal needs a symmetric one" in said["msg"]
    make_key(kms, ALIAS, Tags=[{"TagKey": "vault-cluster", "TagValue": "prod"}])
    said = run(kms_key, **{**CA, "alias": ALIAS})
    assert "is a SYMMETRIC_DEFAULT key for ENCRYPT_DECRYPT, and a CA needs an ECC_NIST_P384 one" in said["msg"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda kms, key: kms.disable_key(KeyId=key), "is disabled, so it can't sign certificates"),
        (lambda kms, key: kms.schedule_key_deletion(KeyId=key), "nothing can be signed with it then"),
        (lambda kms, key: kms.untag_resource(KeyId=key, TagKeys=["vault-cluster"]), "it is somebody else's key"),
    ],
)
def test_a_key_that_can_not_sign_is_said_to_be_so(run, kms, spoil, says):
    key = run(kms_key, **CA)["key"]["key_id"]
    spoil(kms, key)
    assert says in run(kms_key, **CA)["msg"]


def test_a_key_that_signs_goes_by_its_name_alone(run, kms):
    key = run(kms_key, **CA)["key"]["key_id"]
    options = {**CA, "state": "absent"}
    assert "leaves a CA that can sign nothing any more" in run(kms_key, **options)["msg"]
    assert run(kms_key, **options, confirm_deletion=CA["alias"])["changed"]
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_policy_is_compared_by_its_meaning(run, kms):
    make_key(kms, ALIAS)
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Action": ["kms:Encrypt", "kms:*"]}]}
    turned = {"Version": "2012-10-17", "Statement": [{**statement, "Action": ["kms:*", "kms:Encrypt"]}]}
    assert run(kms_key, alias=ALIAS, policy=json.dumps(policy))["changed"] is True
    assert run(kms_key, alias=ALIAS, policy=json.dumps(turned))["changed"] is False


def test_deletion_asks_for_the_name(run, kms):
    make_key(kms, ALIAS)
    refused = run(kms_key, alias=ALIAS, state="absent")
    assert refused["failed"]
    assert f"confirm_deletion={ALIAS}" in refused["msg"]
    done = run(kms_key, alias=ALIAS, state="absent", confirm_deletion=ALIAS, pending_window=7)
    assert done["key"]["key_state"] == "PendingDeletion"
    date = datetime.datetime.fromisoformat(done["key"]["deletion_date"])
    assert 6 <= (date - datetime.datetime.now(date.tzinfo)).days <= 7
    assert run(kms_key, alias=ALIAS, state="absent", confirm_deletion=ALIAS)["changed"] is False


def test_a_key_going_to_be_deleted_is_an_error_until_it_is_kept(run, kms):
    key_id = make_key(kms, ALIAS)
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert "is scheduled for deletion" in run(kms_key, alias=ALIAS)["msg"]
    kept = run(kms_key, alias=ALIAS, cancel_deletion=True)
    assert kept["steps"] == ["cancel_deletion", "enable"]
    assert kept["key"]["key_state"] == "Enabled"


def test_a_disabled_key_is_an_error_until_it_is_enabled(run, kms):
    kms.disable_key(KeyId=make_key(kms, ALIAS))
    assert "is disabled" in run(kms_key, alias=ALIAS)["msg"]
    assert run(kms_key, alias=ALIAS, enabled=True)["key"]["enabled"] is True


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"alias": ALIAS, "pending_window": 6}, "between 7 and 30"),
        ({"alias": ALIAS, "pending_window": 31}, "between 7 and 30"),
        ({"alias": ALIAS, "rotation_period_in_days": 89}, "between 90 and 2560"),
        ({"alias": "alias/aws/vault"}, "is no name for an alias"),
        ({"key_id": "0000"}, "there is no key 0000"),
        ({"alias": ALIAS, "policy": "[]"}, "policy is no policy"),
    ],
)
def test_what_kms_would_refuse_is_refused_first(run, kms, params, says):
    assert says in run(kms_key, **params)["msg"]


def test_a_key_of_the_wrong_kind_is_refused(run, kms):
    key_id = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=key_id)
    assert "needs a symmetric one" in run(kms_key, alias=ALIAS)["msg"]


def test_multi_region_is_for_ever(run, kms):
    make_key(kms, ALIAS, MultiRegion=True)
    assert "can't be changed" in run(kms_key, alias=ALIAS, multi_region=False)["msg"]


def test_an_alias_moves_only_when_asked_to(run, kms):
    old, new = make_key(kms, ALIAS), make_key(kms)
    assert run(kms_alias, name=ALIAS, key_id=old)["changed"] is False
    refused = run(kms_alias, name=ALIAS, key_id=new)
    assert old in refused["msg"]
    assert new in refused["msg"]
    predicted = run(kms_alias, True, name=ALIAS, key_id=new, repoint=True)
    done = run(kms_alias, name=ALIAS, key_id=new, repoint=True)
    assert predicted["alias"] == done["alias"]
    assert kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"] == new


def test_an_alias_does_not_point_at_a_key_that_is_disabled(run, kms):
    key_id = make_key(kms)
    kms.disable_key(KeyId=key_id)
    assert "is Disabled" in run(kms_alias, name=ALIAS, key_id=key_id)["msg"]


def test_removing_an_alias_asks_for_its_name(run, kms):
    make_key(kms, ALIAS)
    assert "confirm_deletion" in run(kms_alias, name=ALIAS, state="absent")["msg"]
    assert run(kms_alias, name=ALIAS, state="absent", confirm_deletion=ALIAS)["alias"]["key_arn"] is None
    assert run(kms_alias, name=ALIAS, state="absent")["changed"] is False


def test_keys_are_found_by_every_name_and_over_pages(run, kms):
    key_id = make_key(kms, ALIAS, Tags=[{"TagKey": "Service", "TagValue": "vault"}])
    for number in range(120):
        kms.create_alias(AliasName=f"alias/other-{number}", TargetKeyId=key_id)
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    for name in ({"alias": "vault-unseal"}, {"key_id": key_id}, {"key_id": arn}, {"tags": {"Service": "vault"}}):
        found = run(kms_key_info, **name)["kms_keys"]
        assert [key["arn"] for key in found] == [arn]
        assert len(found[0]["aliases"]) == 121
    assert run(kms_key_info, alias="none")["kms_keys"] == []


def test_a_key_without_the_required_tag_is_left_alone(run, kms):
    theirs = make_key(kms, ALIAS, Description="theirs", Tags=[{"TagKey": "Team", "TagValue": "x"}])
    wanted = {
        "alias": ALIAS,
        "description": "ours",
        "tags": {"Service": "vault"},
        "required_tags": {"vault-cluster": "prod"},
    }
    refused = run(kms_key, **wanted)
    assert refused["failed"]
    for words in (ALIAS, theirs, "vault-cluster=prod", "Team=x", "Name another alias"):
        assert words in refused["msg"]
    assert kms.describe_key(KeyId=theirs)["KeyMetadata"]["Description"] == "theirs"
    gone = run(kms_key, alias=ALIAS, state="absent", confirm_deletion=ALIAS, required_tags={"vault-cluster": "prod"})
    assert gone["failed"]
    assert kms.describe_key(KeyId=theirs)["KeyMetadata"]["KeyState"] == "Enabled"

    kms.tag_resource(KeyId=theirs, Tags=[{"TagKey": "vault-cluster", "TagValue": "prod"}])
    adopted = run(kms_key, **wanted)
    assert adopted["key"]["description"] == "ours"
    assert adopted["key"]["tags"] == {"Service": "vault", "vault-cluster": "prod"}


def test_a_key_that_is_created_carries_the_required_tag(run, kms):
    made = run(kms_key, alias=ALIAS, required_tags={"vault-cluster": "prod"})
    assert made["key"]["tags"]["vault-cluster"] == "prod"
    assert run(kms_key, alias=ALIAS, required_tags={"vault-cluster": "prod"})["changed"] is False


def test_a_key_that_another_clusters_killed_run_left_is_not_taken(run, kms):
    tags = {key_state.ALIAS_TAG: ALIAS, "vault-cluster": "other"}
    other = make_key(kms, Tags=[{"TagKey": name, "TagValue": value} for name, value in tags.items()])
    made = run(kms_key, alias=ALIAS, required_tags={"vault-cluster": "prod"})
    assert made["key"]["key_id"] != other


def test_grants_are_left_alone(run, kms):
    key_id = make_key(kms, ALIAS)
    grant = kms.create_grant(KeyId=key_id, GranteePrincipal="arn:aws:iam::123456789012:role/x", Operations=["Decrypt"])
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**root, "Sid": "New"}]})
    assert run(kms_key, alias=ALIAS, policy=policy, description="new", tags={"New": "1"})["changed"]
    assert [found["GrantId"] for found in kms.list_grants(KeyId=key_id)["Grants"]] == [grant["GrantId"]]


def test_a_key_of_another_account_is_read_as_far_as_it_may_be(run):
    """Its owner allows DescribeKey, and nothing else of it is this account's to see, or to manage."""
    arn = f"arn:aws:kms:{REGION}:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    metadata = {"KeyId": arn.rpartition("/")[2], "Arn": arn, "KeyState": "Enabled", "AWSAccountId": "999999999999"}
    answers = [(200, {"KeyMetadata": metadata}), error("AccessDeniedException")]
    with Scripted(*answers) as foreign:
        (found,) = run(kms_key_info, key_id=arn, endpoint_url=foreign.url)["kms_keys"]
    assert (found["arn"], found["enabled"]) == (arn, True)
    assert (found["tags"], found["policy"], found["aliases"], found["rotation_enabled"]) == (None, None, None, None)
    with Scripted(*answers) as foreign:
        refused = run(kms_key, key_id=arn, tags={"A": "b"}, enable_key_rotation=True, endpoint_url=foreign.url)
    assert "may not read tags, rotation_enabled" in refused["msg"]
    assert "may not be read by this identity" in str(
        key_state.ownership_problem(found, {"vault-cluster": "prod"}, ALIAS)
    )


# --- KMS as it fails


class Scripted:
    """A KMS on loopback that gives the same answers to every caller, one after the other, the last one for ever."""

    def __init__(self, *answers):
        outer = self
        self.calls = []
        self.answers = list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.calls.append(self.headers["X-Amz-Target"].rpartition(".")[2])
                status, body = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self.server.shutdown()
        self.server.server_close()


def error(code, message="no"):
    return 400, {"__type": code, "message": message}


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("AccessDeniedException", "in the key's policy"),
        ("ExpiredTokenException", "Log in to AWS again"),
        ("UnrecognizedClientException", "valid access keys"),
    ],
)
def test_a_refusal_names_the_call_the_region_and_a_cure(run, code, says):
    with Scripted(error(code)) as kms:
        for module, params in ((kms_key, {"alias": ALIAS}), (kms_key_info, {"alias": ALIAS})):
            result = run(module, endpoint_url=kms.url, **params)
            assert result["failed"]
            assert f"kms:DescribeKey was refused in {REGION}: {code}" in result["msg"]
            assert says in result["msg"]


def test_throttling_is_outlived(run):
    with Scripted(error("ThrottlingException"), error("ThrottlingException"), error("NotFoundException")) as kms:
        assert run(kms_key_info, endpoint_url=kms.url, alias=ALIAS)["kms_keys"] == []
        assert kms.calls == ["DescribeKey"] * 3


def test_out_of_reach_is_not_absent(run):
    result = run(kms_key_info, endpoint_url="http://127.0.0.1:9", alias=ALIAS)
    assert result["failed"]
    assert "can't be reached" in result["msg"]


def test_no_credentials(run, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert "no AWS credentials were found" in run(kms_key_info, alias=ALIAS)["msg"]


def test_an_unknown_rotation_period_is_no_change():
    """The period is not always reported; to set it on every run would be a change on every run."""
    key = {**key_state.new(ALIAS, desired()), "rotation_enabled": True, "rotation_period_in_days": None}
    assert key_state.plan(key, desired(rotation_enabled=True, rotation_period_in_days=180))[0] == []
    known = {**key, "rotation_period_in_days": 365}
    assert key_state.plan(known, desired(rotation_enabled=True, rotation_period_in_days=180))[0] == [
        ("rotation_on", 180)
    ]


def desired(**changes):
    nothing = {**dict.fromkeys(key_state.Desired.__annotations__), "kind": key_state.SEAL}
    return {**nothing, "purge_tags": True, "cancel_deletion": False, **changes}


@pytest.mark.parametrize(
    ("name", "good"), [("a", True), ("alias/a/b_c-1", True), ("alias/aws/x", False), ("a b", False), ("a\n", False)]
)
def test_alias_names(name, good):
    assert (alias_state.name_problem(name) is None) is good


def key(arn, key_id="1", multi_region=False):
    return {"arn": arn, "key_id": key_id, "multi_region": multi_region}


@pytest.mark.parametrize(
    ("wanted", "used", "typed", "says"),
    [
        ([key("a")], [key("a")], "", None),
        ([key("a")], [key("b")], "", "which is b"),
        ([key("a")], [], "", "where there is no such key any more"),
        ([key("a")], [key("b")], ALIAS, None),
        ([key("a")], [key("b")], "alias/other", "vault_kms_change=alias/vault-unseal"),
        # A replica opens what its primary key encrypted.
        ([key("a", "mrk-1", True)], [key("b", "mrk-1", True)], "", None),
        ([key("a", "mrk-1", True)], [key("b", "mrk-2", True)], "", "vault_kms_change"),
        # That there is none, somebody else says.
        ([], [key("b")], "", None),
    ],
)
def test_a_cluster_gets_another_key_only_when_it_is_typed(wanted, used, typed, says):
    in_use = {"key_id": "alias/old", "region": "eu-west-1"}
    found = alias_state.seal_problems(wanted, used, ALIAS, REGION, in_use, typed)
    assert bool(found) is bool(says)
    if says:
        assert "alias/old in eu-west-1" in found[0]
        assert says in found[0]


@pytest.mark.parametrize("check", [True, False])
def test_a_key_is_not_made_where_it_must_not_be(run, kms, check):
    left = run(kms_key, check, alias=ALIAS, create=False, description="x")
    assert (left["changed"], left["key"], left["steps"]) == (False, None, [])
    assert kms.list_keys()["Keys"] == []
    # Nor is one that a killed run left taken for it.
    make_key(kms, Tags=[{"TagKey": key_state.ALIAS_TAG, "TagValue": ALIAS}])
    assert run(kms_key, check, alias=ALIAS, create=False)["key"] is None
    make_key(kms, ALIAS)
    assert run(kms_key, check, alias=ALIAS, create=False, description="x")["steps"] == ["description"]


def test_a_replica_comes_about_once_with_its_alias(run, kms, aws):
    make_key(kms, ALIAS, MultiRegion=True)
    elsewhere = boto3.client("kms", region_name="eu-west-1", endpoint_url=aws)
    wanted = {"alias": ALIAS, "replica_region": "eu-west-1", "replica_endpoint_url": aws, "tags": {"Service": "vault"}}
    predicted = run(kms_replica, True, **wanted)
    assert elsewhere.list_keys()["Keys"] == []
    first = run(kms_replica, **wanted)
    second = run(kms_replica, **wanted)
    assert (predicted["changed"], first["changed"], second["changed"]) == (True, True, False), second
    assert predicted["key"].keys() == first["key"].keys()
    primary = kms.describe_key(KeyId=ALIAS)["KeyMetadata"]
    assert elsewhere.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"] == primary["KeyId"]
    assert first["key"]["tags"] == {"Service": "vault"}


@pytest.mark.parametrize(
    ("multi_region", "region", "words"),
    [
        (False, "eu-west-1", "not a multi-region key"),
        (True, REGION, "the key's own"),
    ],
)
def test_a_replica_that_can_not_be_is_refused(run, kms, aws, multi_region, region, words):
    make_key(kms, ALIAS, MultiRegion=multi_region)
    result = run(kms_replica, alias=ALIAS, replica_region=region, replica_endpoint_url=aws)
    assert words in result["msg"]


def test_an_alias_that_is_taken_in_the_other_region_is_left_alone(run, kms, aws):
    make_key(kms, ALIAS, MultiRegion=True)
    elsewhere = boto3.client("kms", region_name="eu-west-1", endpoint_url=aws)
    other = make_key(elsewhere, ALIAS)
    result = run(kms_replica, alias=ALIAS, replica_region="eu-west-1", replica_endpoint_url=aws)
    assert "is no replica" in result["msg"]
    assert len(elsewhere.list_keys()["Keys"]) == 1
    assert elsewhere.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"] == other


# --- what KMS says of a key that it has just made


def not_known_at_first(operation, times=2):
    return [Rule(operation, Answer("NotFoundException", "not there"), nth=nth) for nth in range(1, times + 1)]


@pytest.mark.parametrize("operation", ["CreateAlias", "EnableKeyRotation", "GetKeyPolicy", "ListResourceTags"])
def test_a_key_that_was_just_made_may_be_unknown_for_a_moment(run, kms, aws, monkeypatch, operation):
    monkeypatch.setattr(kms_api, "POLL_SECONDS", 0.01)
    with FaultProxy(("127.0.0.1", 0), aws, not_known_at_first(operation)) as proxy:
        made = run(kms_key, alias=ALIAS, enable_key_rotation=True, endpoint_url=proxy.url)
    assert made["changed"], made
    assert (made["key"]["aliases"], made["key"]["rotation_enabled"]) == ([ALIAS], True)
    assert proxy.calls.count("CreateKey") == 1 and proxy.calls.count(operation) > 2


def test_a_key_that_stays_unknown_is_an_error_in_the_end_and_one_that_is_old_at_once(run, kms, aws, monkeypatch):
    monkeypatch.setattr(kms_api, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(kms_api, "NEW_SECONDS", 0.1)
    never = [Rule("EnableKeyRotation", Answer("NotFoundException", "not there"), every=True)]
    with FaultProxy(("127.0.0.1", 0), aws, never) as proxy:
        refused = run(kms_key, alias=ALIAS, enable_key_rotation=True, endpoint_url=proxy.url)
        assert refused["failed"] and refused["error_code"] == "NotFoundException"
        asked = proxy.calls.count("EnableKeyRotation")
        assert asked > 1
        # The next run finds the key, which is not new any more.
        assert run(kms_key, alias=ALIAS, enable_key_rotation=True, endpoint_url=proxy.url)["failed"]
        assert proxy.calls.count("EnableKeyRotation") == asked + 1
    assert run(kms_key, alias=ALIAS, enable_key_rotation=True)["steps"] == ["rotation_on"]


def test_a_replica_that_was_just_made_may_be_unknown_for_a_moment(run, kms, aws, monkeypatch):
    monkeypatch.setattr(kms_api, "POLL_SECONDS", 0.01)
    make_key(kms, ALIAS, MultiRegion=True)
    with FaultProxy(("127.0.0.1", 0), aws, not_known_at_first("CreateAlias")) as proxy:
        made = run(kms_replica, alias=ALIAS, replica_region="eu-west-1", replica_endpoint_url=proxy.url)
    assert made["changed"], made
    assert made["key"]["aliases"] == [ALIAS]
