"""Runs beside each other on one controller: whatever each leaves, certificate and key are a pair."""

from __future__ import annotations

import multiprocessing

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_certificate_issue
from cryptography import x509
from cryptography.hazmat.primitives import serialization

FORK = multiprocessing.get_context("fork")
NAMES = ("vaultops-operator", "vaultops-admin", "vaultops-status")


def _issue(options, check, barrier, said):
    barrier.wait()
    said.put(vault_certificate_issue.run(options, check)["issued"])


def options(folder, certificates, new_keys):
    return {
        "ca_file": certificates.path("ca.crt"),
        "ca_key": certificates.path("ca.key"),
        "replaced_dir": str(folder / "replaced"),
        "new_keys": new_keys,
        "certificates": [
            {
                "certificate": str(folder / f"{name}.crt"),
                "key": str(folder / f"{name}.key"),
                "common_name": name,
                "names": [name],
                "usage": ["clientAuth"],
                "days": 3,
            }
            for name in NAMES
        ],
    }


@pytest.mark.parametrize("new_keys", [False, True])
def test_pairs_stay_pairs_where_two_issue_at_once(tmp_path, certificates, new_keys):
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        barrier, said = FORK.Barrier(2), FORK.Queue()
        own = options(folder, certificates, new_keys)
        issuing = [FORK.Process(target=_issue, args=(own, False, barrier, said)) for _run in range(2)]
        for process in issuing:
            process.start()
        for process in issuing:
            process.join(60)
        assert [said.get(timeout=5) for _run in issuing] == [[one["certificate"] for one in own["certificates"]]] * 2
        for name in NAMES:
            certificate = x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
            key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
            assert certificate.public_key() == key.public_key(), name
        # Of each one was replaced, and is kept to be revoked.
        assert len(list((folder / "replaced").iterdir())) == len(NAMES)


def test_check_mode_waits_for_nobody(tmp_path, certificates, monkeypatch):
    from ansible_collections.vaultops.cluster.plugins.module_utils._common import lock

    monkeypatch.setattr(lock, "LOCK_SECONDS", 0.1)
    with lock.locked(str(certificates.folder)):
        assert vault_certificate_issue.run(options(tmp_path, certificates, False), True)["changed"]
    assert list(tmp_path.iterdir()) == []
