"""A run's own certificates: for hours, since a run that is killed leaves them behind, and renewed while the run goes on."""

from __future__ import annotations

import datetime
import stat

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority
from ansible_collections.vaultops.cluster.plugins.modules import vault_identity_issue
from cryptography import x509
from kit.ca import make_key, signer

ALIAS = "alias/vault-prod-ca"
NOW = datetime.datetime.now(datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def in_kms(aws):
    make_key(aws, ALIAS)
    return signer(aws, ALIAS)


@pytest.fixture
def ca(in_kms):
    return authority.ca_certificate(in_kms, "Vault prod CA 1", 3650, NOW)


def paths(folder):
    return {"certificate": str(folder / "vaultops-admin.crt"), "key": str(folder / "vaultops-admin.key")}


def test_a_certificate_that_is_left_behind_opens_nothing_the_day_after(tmp_path, in_kms, ca):
    vault_identity_issue.issue("vaultops-admin", paths(tmp_path), ca, in_kms)
    made = x509.load_pem_x509_certificate((tmp_path / "vaultops-admin.crt").read_bytes())
    made.verify_directly_issued_by(ca)
    assert 7 * HOUR < made.not_valid_after_utc - NOW <= 9 * HOUR
    assert stat.S_IMODE((tmp_path / "vaultops-admin.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(("hours", "is_good"), [(7, True), (3, False), (-1, False)])
def test_one_with_less_than_half_of_its_time_left_is_issued_anew(tmp_path, in_kms, ca, hours, is_good):
    wanted = {"common_name": "vaultops-admin", "names": ["vaultops-admin"], "usage": ["clientAuth"], "days": 2}
    made = authority.certificate(ca, in_kms, authority.new_key().public_key(), wanted, NOW + hours * HOUR - 48 * HOUR)
    path = tmp_path / "vaultops-admin.crt"
    path.write_bytes(made.public_bytes(authority.serialization.Encoding.PEM))
    assert vault_identity_issue.is_issued(str(path), ca) is is_good


def test_one_of_another_ca_is_issued_anew(aws, tmp_path, in_kms, ca):
    make_key(aws, "alias/next")
    other = authority.ca_certificate(signer(aws, "alias/next"), "Vault prod CA 1", 3650, NOW)
    vault_identity_issue.issue("vaultops-admin", paths(tmp_path), ca, in_kms)
    path = paths(tmp_path)["certificate"]
    assert [vault_identity_issue.is_issued(path, one) for one in (ca, other)] == [True, False]
    assert not vault_identity_issue.is_issued(str(tmp_path / "missing.crt"), ca)
