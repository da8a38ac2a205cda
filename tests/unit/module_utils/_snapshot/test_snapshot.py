"""What counts as a snapshot, and each way in which one can be broken."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.archive import BrokenSnapshot, verify

STATE = os.urandom(200_000)


def snapshot(compress: bool = True, **members: bytes | None) -> bytes:
    """An archive as Vault makes it, with members replaced, added, or left out (None)."""
    meta = json.dumps({"Index": 41, "Term": 3, "Version": 1, "Size": len(STATE)}).encode()
    content = {"meta.json": meta, "state.bin": STATE}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in content.items()).encode()
    content |= {"SHA256SUMS": sums, "SHA256SUMS.sealed": b"sealed"}
    changes = {name.replace("__", "."): data for name, data in members.items()}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, data in {**content, **changes}.items():
            if data is not None:
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(plain.getvalue()) if compress else plain.getvalue()


def test_a_whole_one_is_summed_up():
    assert verify(io.BytesIO(snapshot())) == {
        "index": 41,
        "term": 3,
        "state_bytes": len(STATE),
        "sha256": hashlib.sha256(STATE).hexdigest(),
    }


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_one_that_was_cut_off_is_none(part):
    whole = snapshot()
    with pytest.raises(BrokenSnapshot):
        verify(io.BytesIO(whole[: int(len(whole) * part)]))


def test_one_without_its_last_byte_is_none():
    with pytest.raises(BrokenSnapshot):
        verify(io.BytesIO(snapshot()[:-1]))


def size(number: int) -> bytes:
    return json.dumps({"Index": 41, "Term": 3, "Size": number}).encode()


def sums_for(**content: bytes) -> bytes:
    listed = {name.replace("__", "."): data for name, data in content.items()}
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in listed.items()).encode()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state__bin": b"\0" + STATE[1:]}, "checksum of its member state.bin is wrong"),
        ({"meta__json": size(len(STATE) + 1)}, "checksum of its member meta.json is wrong"),
        (
            {"meta__json": size(7), "SHA256SUMS": sums_for(meta__json=size(7), state__bin=STATE)},
            "and 7 are announced",
        ),
        ({"SHA256SUMS__sealed": b""}, "were not sealed"),
        ({"SHA256SUMS__sealed": None}, "it holds SHA256SUMS, meta.json, state.bin, and not"),
        ({"state__bin": None}, "it holds"),
        ({"extra": b"x"}, "it holds"),
        ({"SHA256SUMS": b""}, "checksum of its member meta.json is wrong"),
    ],
)
def test_a_member_that_is_wrong_is_named(changes, says):
    with pytest.raises(BrokenSnapshot, match=says):
        verify(io.BytesIO(snapshot(**changes)))


def test_what_is_no_archive_is_none():
    for data in (b"", b"not gzip", gzip.compress(b"not tar" * 100), snapshot(compress=False)):
        with pytest.raises(BrokenSnapshot):
            verify(io.BytesIO(data))
