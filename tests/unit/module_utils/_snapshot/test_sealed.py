"""Which keys a snapshot's content is sealed with: by the entries that are sealed, wherever they lie in it."""

from __future__ import annotations

import io
import tarfile

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import sealed

OLD = "arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111"
NEW = "arn:aws:kms:eu-central-1:123456789012:key/22222222-2222-2222-2222-222222222222"
ELSE = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-33333333333333333333333333333333"


def number(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7]) if value > 0x7F else bytes([value])


def entry(key: str, value: bytes) -> bytes:
    """As Vault's state has it: a message of two fields, behind its length."""
    message = b"\x0a" + number(len(key)) + key.encode() + b"\x12" + number(len(value)) + value
    return number(len(message)) + message


def blob(arn: str) -> bytes:
    return b"\x0a\x20" + bytes(289) + b"\x2a\x4b" + arn.encode() + b"\x30\x01"


def snapshot(root=NEW, recovery=NEW, checksums=NEW, before=b"", between=b"", after=b"") -> io.BytesIO:
    state = (
        before
        + (entry("core/hsm/barrier-unseal-keys", blob(root)) if root else b"")
        + between
        + (entry("core/recovery-key", blob(recovery)) if recovery else b"")
        + after
    )
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in (("state.bin", state), ("SHA256SUMS.sealed", blob(checksums) if checksums else b"")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    stream.seek(0)
    return stream


def test_each_entry_names_its_key():
    found = sealed.keys(snapshot(OLD, NEW, ELSE))
    assert found == {sealed.CHECKSUMS: [ELSE], sealed.ROOT_KEY: [OLD], sealed.RECOVERY_KEY: [NEW]}
    assert sealed.problem(found) == ""


def test_another_entry_that_names_a_key_counts_for_none():
    others = entry("logical/1", OLD.encode()) + entry("core/recovery-keys-backup", blob(OLD))
    found = sealed.keys(snapshot(before=others, between=others, after=others))
    assert {arn for arns in found.values() for arn in arns} == {NEW}


@pytest.mark.parametrize("offset", range(-700, 701, 50))
def test_an_entry_on_the_edge_of_a_chunk_is_found_once(monkeypatch, offset):
    monkeypatch.setattr(sealed, "CHUNK_BYTES", 8192)
    monkeypatch.setattr(sealed, "MOST_BYTES", 1024)
    found = sealed.keys(snapshot(OLD, before=bytes(8192 + offset), between=bytes(8192), after=bytes(20000)))
    assert (found[sealed.ROOT_KEY], found[sealed.RECOVERY_KEY]) == ([OLD], [NEW])


@pytest.mark.parametrize("missing", ["root", "recovery", "checksums"])
def test_what_names_no_key_proves_nothing(missing):
    name = {"root": sealed.ROOT_KEY, "recovery": sealed.RECOVERY_KEY, "checksums": sealed.CHECKSUMS}[missing]
    assert sealed.problem(sealed.keys(snapshot(**{missing: ""}))) == f"no KMS key is named by {name}"


def test_a_seal_without_kms_names_none():
    """Shamir's shares: the entries are there, and have no key."""
    found = sealed.keys(snapshot("", "", "", before=entry("core/recovery-key", bytes(64))))
    assert sealed.RECOVERY_KEY in sealed.problem(found)
