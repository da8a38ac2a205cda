"""A private CA that is made, as OpenSSL sees it."""

from __future__ import annotations

import pathlib
import stat
import subprocess

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_certificate_authority as module


@pytest.fixture
def wanted(tmp_path):
    folder = tmp_path / "tls"
    return {
        "certificate": str(folder / "ca.crt"),
        "key": str(folder / "ca.key"),
        "common_name": "Vault prod CA 20260101120000",
        "days": 3650,
    }


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout


def texts(wanted):
    return [pathlib.Path(wanted[name]).read_text() for name in ("certificate", "key")]


def test_a_ca_is_made_that_signs_leaves_and_nothing_below(tmp_path, wanted):
    said = module.run(wanted, False)
    assert said["changed"] and said["made"] == [wanted["key"], wanted["certificate"]]
    text = openssl("x509", "-in", wanted["certificate"], "-noout", "-text")
    assert "CA:TRUE, pathlen:0" in text and "Certificate Sign, CRL Sign" in text and "ASN1 OID: secp384r1" in text
    assert "Subject: CN = Vault prod CA 20260101120000" in text and "Subject Key Identifier" in text
    assert openssl("verify", "-CAfile", wanted["certificate"], wanted["certificate"]).endswith("OK\n")
    assert openssl("pkey", "-in", wanted["key"], "-pubout") == openssl(
        "x509", "-in", wanted["certificate"], "-noout", "-pubkey"
    )
    folder = tmp_path / "tls"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "ca.key", folder / "ca.crt")] == [
        0o700,
        0o600,
        0o644,
    ]


def test_what_is_there_stays(wanted):
    module.run(wanted, False)
    before = texts(wanted)
    again = module.run({**wanted, "common_name": "another"}, False)
    assert not again["changed"] and again["made"] == []
    assert texts(wanted) == before


def test_a_run_that_was_cut_short_is_finished_with_its_key(tmp_path, wanted):
    module.run(wanted, False)
    key = texts(wanted)[1]
    (tmp_path / "tls" / "ca.crt").unlink()
    said = module.run(wanted, False)
    assert said["made"] == [wanted["certificate"]] and texts(wanted)[1] == key
    assert openssl("verify", "-CAfile", wanted["certificate"], wanted["certificate"]).endswith("OK\n")


def test_check_mode_makes_nothing_and_says_what_it_would(tmp_path, wanted):
    said = module.run(wanted, True)
    assert said["changed"] and said["made"] == [wanted["key"], wanted["certificate"]]
    assert not (tmp_path / "tls").exists()


@pytest.mark.parametrize("text", ["", "no key\n"])
def test_a_key_that_is_none_is_not_replaced(tmp_path, wanted, text):
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.key").write_text(text)
    with pytest.raises(module.Problem, match="no private key that can be used"):
        module.run(wanted, False)
    assert (tmp_path / "tls" / "ca.key").read_text() == text and not (tmp_path / "tls" / "ca.crt").exists()


def test_days_are_days(wanted):
    with pytest.raises(module.Problem, match="of 0 days"):
        module.run({**wanted, "days": 0}, False)
