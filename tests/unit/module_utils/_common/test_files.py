"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import files


@pytest.fixture(params=[0o000, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_content_and_mode_are_as_asked_for_whatever_the_umask_is(tmp_path, umask, mode):
    path = tmp_path / "file"
    path.write_text("old, and longer")
    files.write(str(path), b"new", mode)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert os.listdir(tmp_path) == ["file"]


def test_nobody_else_reads_a_draft_before_it_has_its_mode(tmp_path):
    with files.draft(str(tmp_path / "file"), 0o600) as (stream, partial):
        assert stat.S_IMODE(os.stat(partial).st_mode) == 0o600
        assert os.fstat(stream.fileno()).st_size == 0


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, failing):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="No space left"):
        files.write(str(path), b"new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupted_draft_is_gone(tmp_path):
    with pytest.raises(KeyboardInterrupt), files.draft(str(tmp_path / "file")) as (stream, _partial):
        stream.write(b"half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_the_content_is_on_the_disk_before_the_file_has_its_name_and_the_name_afterwards(tmp_path, monkeypatch):
    done = []
    fsync, rename = os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append(stat.S_IFMT(os.fstat(handle).st_mode)), fsync(handle)))
    monkeypatch.setattr(os, "rename", lambda *names: (done.append("rename"), rename(*names)))
    files.write(str(tmp_path / "file"), b"new")
    assert done == [stat.S_IFREG, "rename", stat.S_IFDIR]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_the_file_is_its_owners(tmp_path):
    files.write(str(tmp_path / "file"), b"new", owner=(12345, 54321))
    found = (tmp_path / "file").stat()
    assert (found.st_uid, found.st_gid) == (12345, 54321)
