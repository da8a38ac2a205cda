"""A CA in a stand-in for KMS: looked up, made, published, changed, and moved to from files; cut short at every step."""

from __future__ import annotations

import datetime
import os

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import kms_api
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority, signers
from ansible_collections.vaultops.cluster.plugins.modules import vault_certificate_authority as module
from cryptography import x509
from kit.ca import make_key, pem, signer, tags_of
from labkit.settings import REGION

ALIAS, NEXT = "alias/vault-prod-ca", "alias/vault-prod-ca-next"
PARAMETER = "/vaultops/prod/ca"
NOW = datetime.datetime.now(datetime.timezone.utc)


class Account:
    def __init__(self, url, folder, run_module):
        self.url, self.folder, self.run_module = url, folder, run_module
        self.ssm = boto3.client("ssm", region_name=REGION, endpoint_url=url)
        self.kms = boto3.client("kms", region_name=REGION, endpoint_url=url)

    def ask(self, step="look", check=False, **more):
        return self.run_module(
            module,
            check,
            alias=ALIAS,
            required_tags=tags_of("prod"),
            parameter=PARAMETER,
            path=str(self.folder / "scratch/ca.crt"),
            step=step,
            common_name=f"CA {step} {len(os.urandom(1))} {os.urandom(3).hex()}",
            tags={"vault-cluster": "prod"},
            region=REGION,
            endpoint_url=self.url,
            **more,
        )

    @property
    def published(self):
        try:
            return self.ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"]
        except self.ssm.exceptions.ParameterNotFound:
            return None

    @published.setter
    def published(self, text):
        self.ssm.put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)

    @property
    def file(self):
        path = self.folder / "scratch/ca.crt"
        return path.read_text() if path.exists() else None

    def key_of(self, alias):
        found = {one["AliasName"]: one.get("TargetKeyId") for one in self.kms.list_aliases()["Aliases"]}
        return found.get(alias)

    def certificate(self, alias, name="some CA"):
        """Of the key that the alias leads to."""
        return pem(authority.ca_certificate(signer(self.url, alias), name, 9, NOW))


@pytest.fixture
def account(aws, tmp_path, run_module):
    return Account(aws, tmp_path, run_module)


@pytest.fixture
def made(account):
    make_key(account.url, ALIAS)
    assert account.ask("make")["changed"]
    return account


def certificates(text):
    return x509.load_pem_x509_certificates(text.encode())


def test_where_nothing_is_nothing_is_found(account):
    found = account.ask(known=[])
    assert not found["changed"] and (found["bundle"], found["source"], found["change"]) == ("", "", "none")
    assert account.file is None and account.published is None


def test_a_ca_is_made_once_and_found_by_everybody(made):
    first = made.published
    (one,) = certificates(first)
    assert one.public_key() == signer(made.url, ALIAS).public
    assert one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    tags = made.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=PARAMETER)["TagList"]
    assert tags == [{"Key": "vault-cluster", "Value": "prod"}]
    assert not made.ask("make")["changed"]
    (made.folder / "scratch/ca.crt").unlink()
    found = made.ask()
    assert not found["changed"] and found["source"] == "parameter" and made.file == first == made.published


def test_check_mode_makes_nothing_and_a_look_writes_its_file_all_the_same(account):
    make_key(account.url, ALIAS)
    assert account.ask("make", check=True)["changed"]
    assert account.published is None and account.file is None
    account.ask("make")
    (account.folder / "scratch/ca.crt").unlink()
    account.ask(check=True)
    assert account.file == account.published
    for step in ("begin", "switch", "finish"):
        before = account.file, account.published
        account.ask(step, check=True)
        assert (account.file, account.published) == before


def test_without_a_key_none_is_made(account):
    said = account.ask("make")
    assert said["failed"] and f"the KMS key {ALIAS} does not exist" in said["msg"]


def test_a_ca_that_kms_does_not_vouch_for_is_refused(made):
    make_key(made.url, "alias/foreign")
    right, foreign = made.published, made.certificate("alias/foreign", "foreign")
    for bundle in (foreign, foreign + right, right + foreign):
        made.published = bundle
        said = made.ask()
        assert said["failed"] and f"CN=foreign, and that is not the certificate of the KMS key {ALIAS}" in said["msg"]
        assert made.file == right
    said = made.ask(required=False)
    assert not said.get("failed") and "CN=foreign" in said["problem"] and said["bundle"] == ""


@pytest.mark.parametrize("text", ["nothing\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_parameter_without_a_certificate_is_named(made, text):
    made.published = text
    said = made.ask()
    assert said["failed"] and f"the parameter {PARAMETER} in {REGION} holds no certificate" in said["msg"]


def test_in_another_account_it_is_said_that_there_is_no_key(account):
    make_key(account.url, "alias/foreign")
    account.published = account.certificate("alias/foreign")
    said = account.ask()
    assert said["failed"] and f"{ALIAS} in {REGION}, which does not exist" in said["msg"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ({"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}, "a CA needs an ECC_NIST_P384 one"),
        ({"KeySpec": "RSA_2048"}, "a CA needs an ECC_NIST_P384 one"),
        ({"KeyUsage": "KEY_AGREEMENT"}, "a CA needs an ECC_NIST_P384 one"),
    ],
)
def test_a_key_of_another_kind_is_named(account, kind, says):
    make_key(account.url, ALIAS, **kind)
    for step in ("look", "make"):
        said = account.ask(step)
        assert said["failed"] and says in said["msg"] and account.published is None


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda kms, key: kms.disable_key(KeyId=key), "is disabled, so it can't sign certificates"),
        (lambda kms, key: kms.schedule_key_deletion(KeyId=key), "nothing can be signed with it then"),
    ],
)
def test_a_key_that_can_not_be_used_is_named(made, spoil, says):
    spoil(made.kms, made.key_of(ALIAS))
    before = made.published
    for step in ("look", "begin"):
        said = made.ask(step)
        assert said["failed"] and says in said["msg"], said
    assert made.published == before


def test_the_nodes_certificate_does_where_the_parameter_is_missing_and_only_if_it_is_the_keys(made):
    own = made.published
    make_key(made.url, "alias/foreign")
    foreign = made.certificate("alias/foreign", "foreign")
    made.ssm.delete_parameter(Name=PARAMETER)
    for known in (["", own], [foreign, own]):
        found = made.ask(known=known)
        assert (found["bundle"], found["source"]) == (own, "nodes") and made.published is None
    said = made.ask(known=[foreign])
    assert said["failed"] and "what the nodes trust has the CA CN=foreign" in said["msg"]
    assert made.ask("make", known=[own])["changed"]
    assert made.published == own


def test_who_asks_no_node_is_told_of_a_missing_parameter_and_not_that_no_node_has_the_ca(made):
    made.ssm.delete_parameter(Name=PARAMETER)
    said = made.ask()
    assert said["failed"] and f"the parameter {PARAMETER} in {REGION} is missing" in said["msg"]
    assert "Run site.yml, which publishes it again" in said["msg"]
    assert "is missing" in made.ask(required=False)["problem"]


@pytest.mark.parametrize("step", ["look", "make", "begin"])
def test_a_key_that_somebody_else_planted_is_named_and_nothing_is_changed(account, step):
    make_key(account.url, ALIAS, cluster="staging")
    account.published = account.certificate(ALIAS)
    before = account.published
    said = account.ask(step)
    assert said["failed"] and "does not carry the tag vault-cluster=prod" in said["msg"]
    assert account.published == before and account.file is None


def begun_on_a_node(made):
    """What a node trusts after the beginning of a change, and what was published before."""
    old = made.published
    make_key(made.url, NEXT)
    made.ask("begin")
    return made.published, old


@pytest.mark.parametrize("step", ["look", "begin", "switch", "finish"])
def test_a_parameter_that_was_put_back_does_not_outrank_the_nodes(made, step):
    both, old = begun_on_a_node(made)
    made.published = old
    said = made.ask(step, known=[old, both])
    assert said["failed"] and "lacks the CA CN=CA begin" in said["msg"] and NEXT in said["msg"]
    assert made.published == old
    made.ssm.delete_parameter(Name=PARAMETER)
    assert made.ask("make", known=[old, both])["change"] == "begun" and made.published == both


def test_nodes_may_have_more_of_the_old_ca_than_the_parameter(made):
    both, _old = begun_on_a_node(made)
    made.ask("switch")
    made.ask("finish")
    new = made.published
    assert not made.ask(known=[both, new]).get("failed")


def test_without_the_parameter_a_node_that_was_left_behind_does_not_count(made):
    both, old = begun_on_a_node(made)
    made.ssm.delete_parameter(Name=PARAMETER)
    for known in ([old, both], [both, old]):
        found = made.ask(known=known)
        assert (found["bundle"], found["change"]) == (both, "begun")


def test_a_new_ca_that_a_node_has_is_not_made_again(made):
    both, old = begun_on_a_node(made)
    made.ssm.delete_parameter(Name=PARAMETER)
    assert made.ask("begin", known=[old, both.removeprefix(old)])["changed"]
    assert made.published == both


def test_the_next_key_is_asked_for_only_where_there_may_be_one(made, monkeypatch):
    from botocore.client import BaseClient

    real, asked = BaseClient._make_api_call, []

    def noted(self, operation, arguments):
        asked.extend([arguments["KeyId"]] if operation == "DescribeKey" else [])
        return real(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    made.ask(known=[made.published] * 3)
    assert asked == [ALIAS]
    begun_on_a_node(made)
    asked.clear()
    assert made.ask()["change"] == "begun"
    assert NEXT in asked


def test_the_next_keys_alias_goes_when_the_cas_leads_to_its_key(made, monkeypatch):
    make_key(made.url, NEXT)
    for step in ("begin", "switch"):
        made.ask(step)
    from botocore.client import BaseClient

    real, old, late, calls = BaseClient._make_api_call, made.key_of(ALIAS), [3], []

    def lagging(self, operation, arguments):
        calls.append(operation)
        if operation == "DescribeKey" and "UpdateAlias" in calls and late[0]:
            late[0] -= 1
            arguments = {"KeyId": old}
        return real(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", lagging)
    monkeypatch.setattr(kms_api, "POLL_SECONDS", 0)
    made.ask("finish")
    moved, gone = calls.index("UpdateAlias"), calls.index("DeleteAlias")
    assert calls[moved:gone].count("DescribeKey") == 4


def change(account):
    """All of a change of the CA; who signs after each step."""
    make_key(account.url, NEXT)
    signing = []
    for step in ("begin", "switch", "finish"):
        said = account.ask(step)
        assert said["changed"], said
        assert not account.ask(step)["changed"], step
        signing.append([one.public_key() for one in certificates(account.published)])
    return signing, said


def test_a_change_of_the_ca_is_two_keys_and_ends_with_the_alias_at_the_new_one(made):
    old, old_id = signer(made.url, ALIAS).public, made.key_of(ALIAS)
    signing, said = change(made)
    new = signer(made.url, ALIAS).public
    assert old != new and signing == [[old, new], [new, old], [new]]
    assert made.key_of(NEXT) is None and old_id in said["retired"]
    assert made.kms.describe_key(KeyId=old_id)["KeyMetadata"]["KeyState"] == "Enabled"
    assert made.ask()["change"] == "none"
    # And once more, with keys that are neither.
    signing, _said = change(made)
    assert signing[2] != [new] and made.kms.describe_key(KeyId=old_id)["KeyMetadata"]["KeyState"] == "Enabled"


def test_no_retired_key_is_taken_for_one_that_lost_its_alias(made, run_module):
    from ansible_collections.vaultops.cluster.plugins.modules import kms_key

    def key(alias):
        options = {"alias": alias, "purpose": "ca", "required_tags": {"vault-cluster": "prod"}}
        said = run_module(kms_key, region=REGION, endpoint_url=made.url, **options)
        assert not said.get("failed"), said
        return said["key"]["key_id"]

    used = [made.key_of(ALIAS)]
    for _change in range(3):
        used.append(key(NEXT))
        for step in ("begin", "switch", "finish"):
            assert not made.ask(step).get("failed")
        assert made.key_of(ALIAS) == used[-1]
    assert len(set(used)) == 4


def test_the_way_back_after_a_switch(made):
    old = made.published
    make_key(made.url, NEXT)
    for step in ("begin", "switch", "begin"):
        made.ask(step)
    assert made.published.startswith(old) and made.ask()["change"] == "begun"


@pytest.mark.parametrize("call", ["tag_resource", "tag_resource 2", "update_alias", "delete_alias"])
def test_a_finish_that_is_cut_short_is_found_and_finished(made, call, monkeypatch):
    make_key(made.url, NEXT)
    for step in ("begin", "switch"):
        made.ask(step)
    new = made.key_of(NEXT)
    name, _space, which = call.partition(" ")
    left = [int(which or 1)]
    from botocore.client import BaseClient

    real = BaseClient._make_api_call

    def dies(self, operation, arguments):
        if operation.lower() == name.replace("_", ""):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
        return real(self, operation, arguments)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", dies)
        with pytest.raises(KeyboardInterrupt):
            made.ask("finish")
    (made.folder / "scratch/ca.crt").unlink(missing_ok=True)
    found = made.ask()
    assert not found.get("failed") and len(certificates(made.file)) == 1
    if call == "delete_alias":
        said = made.ask("begin")
        assert said["failed"] and "the last change of the CA was cut short at its end" in said["msg"]
    said = made.ask("finish")
    assert said["changed"] and new not in str(said["retired"]), "the key that signs is never called retired"
    assert made.key_of(ALIAS) == new and made.key_of(NEXT) is None
    assert not made.ask("finish")["changed"]


def test_a_begin_that_was_cut_short_changes_nothing_until_it_is_begun_again(made):
    make_key(made.url, NEXT)
    assert made.ask()["change"] == "none"
    # Nobody has the new CA: to finish would be to trust what was never published.
    old = made.key_of(ALIAS)
    assert not made.ask("finish")["changed"] and made.key_of(ALIAS) == old
    assert made.ask("begin")["changed"]


@pytest.mark.parametrize(
    ("step", "says"), [("switch", "there is no new CA to switch to"), ("begin", f"{NEXT} does not exist")]
)
def test_steps_that_make_no_sense_are_refused(made, step, says):
    before = made.published
    said = made.ask(step)
    assert said["failed"] and says in said["msg"] and made.published == before


@pytest.mark.parametrize("step", ["begin", "switch", "finish"])
def test_a_change_begins_with_the_ca_that_is_trusted_now(account, step):
    make_key(account.url, ALIAS)
    said = account.ask(step)
    assert said["failed"] and "a change of the CA begins with the one that is trusted now" in said["msg"]
    assert account.published is None


@pytest.fixture
def files(account):
    """What an earlier release kept in a directory."""
    folder = account.folder / "old"
    folder.mkdir()
    key = authority.ec.generate_private_key(authority.CA_CURVE)
    (folder / "ca.key").write_bytes(authority.private(key))
    old = pem(authority.ca_certificate(signers.FileSigner(str(folder / "ca.key")), "old", 9, NOW))
    (folder / "ca.crt").write_text(old)
    return folder, old


def test_a_cluster_with_its_ca_in_files_moves(account, files):
    folder, old = files
    options = {"move_from": str(folder), "known": [old]}
    found = account.ask(**options)
    assert (found["source"], found["moves"], found["change"], account.file) == ("nodes", True, "none", old)
    make_key(account.url, ALIAS)
    assert account.ask("begin", **options)["change"] == "begun"
    assert account.published.startswith(old)
    # Whoever was not told of the directory is told so, and does not trust what he can't know.
    said = account.ask()
    assert said["failed"] and "name that (vault_move_from)" in said["msg"]
    assert account.ask("switch", **options)["change"] == "switched"
    said = account.ask("finish", **options)
    assert said["changed"] and said["retired"] is None
    (one,) = certificates(account.published)
    assert one.public_key() == signer(account.url, ALIAS).public
    assert account.ask()["moves"] is False


def test_the_directory_that_is_moved_from_has_to_be_there(account, tmp_path):
    said = account.ask(move_from=str(tmp_path / "nowhere"))
    assert said["failed"] and "can't be read there" in said["msg"] and "vault_move_from" in said["msg"]


def test_the_parameter_goes_with_the_cluster(made):
    assert made.ask("remove", check=True)["changed"] and made.published
    assert made.ask("remove")["changed"] and made.published is None
    assert not made.ask("remove")["changed"]
