"""A release: believed when its signature is, installed whole, held against its sums ever after, and only root's to change."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import os
import shutil
import socketserver
import stat
import tempfile
import threading
import time
import zipfile

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._node import (
    download,
    guard,
    installed,
    programs,
    release,
    signature,
)
from ansible_collections.vaultops.cluster.plugins.modules import vault_release
from hypothesis import given
from hypothesis import strategies as st
from kit.paths import ROOT as CHECKOUT
from kit.signing import Key

VERSION = "1.2.3"
# In the past, so that what lasts a day has ended; it stands still, so that nothing is signed before its key was made.
LONG_AGO = "20200101T000000!"


@pytest.fixture
def make_key(tmp_path):
    made = []

    def make():
        made.append(Key(tmp_path / f"gpg{len(made)}"))
        return made[-1]

    yield make
    for key in made:
        key.end()


class Mirror:
    """A mirror of releases in a folder, signed by a key."""

    def __init__(self, root, key):
        self.root, self.key = root, key
        self.url = f"file://{root}"

    def folder(self, version=VERSION):
        return self.root / "vault" / version

    def publish(self, version=VERSION, content="#!/bin/sh\n", machine=None):
        folder = self.folder(version)
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / release.Release(self.url, version, machine or os.uname().machine).archive
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("vault", content)
        self.sums(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n", version)
        return self

    def sums(self, text, version=VERSION):
        path = self.folder(version) / f"vault_{version}_SHA256SUMS"
        path.write_text(text)
        self.key.sign(path)


@pytest.fixture
def mirror(tmp_path, make_key):
    return Mirror(tmp_path / "mirror", make_key().made()).publish()


@pytest.fixture
def node(tmp_path, mirror, run_module):
    """A node's folders, and the module on it."""
    (tmp_path / "bin").mkdir()

    class Node:
        home = tmp_path / "home"
        releases = home / "releases"
        link = tmp_path / "bin" / "vault"
        binary = releases / VERSION / "vault"

        def run(self, check=False, **params):
            given = {"version": VERSION, "mirror": mirror.url, "signing_key": mirror.key.text(), **params}
            places = {"home": str(self.home), "releases": str(self.releases), "link": str(self.link)}
            return run_module(vault_release, check=check, **{**places, **given})

        def before_sums_were_kept(self):
            """As the collection's first version laid releases down."""
            assert self.run()["changed"]
            (self.binary.parent / installed.RECORD).unlink()

    return Node()


@contextlib.contextmanager
def serving(answer):
    """A server on loopback that sends what *answer* writes, once the request has been read."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while self.rfile.readline().strip():
                pass
            with contextlib.suppress(OSError):
                answer(self.wfile)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def endless(stream):
    stream.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        stream.write(b"0" * 65536)


def trickle_of(head):
    def answer(stream):
        stream.write(head)
        while True:
            stream.write(b"0")
            time.sleep(0.05)  # what is slow here is the other side

    return answer


# --- what comes from the mirror


def test_a_release_that_verifies_is_laid_down(mirror, tmp_path):
    found = release.Release(mirror.url, VERSION, os.uname().machine)
    found.unpack(found.expected_sum(mirror.key.text()), str(tmp_path / "releases" / VERSION))
    assert os.access(tmp_path / "releases" / VERSION / "vault", os.X_OK)
    assert os.listdir(tmp_path / "releases") == [VERSION]
    assert sorted(os.listdir(tmp_path / "releases" / VERSION)) == ["vault", installed.RECORD]


def test_an_archive_with_another_checksum_leaves_nothing(mirror, tmp_path):
    found = release.Release(mirror.url, VERSION, os.uname().machine)
    expected = found.expected_sum(mirror.key.text())
    (mirror.folder() / found.archive).write_bytes(b"other")
    with pytest.raises(Problem, match="signed list says"):
        found.unpack(expected, str(tmp_path / "releases" / VERSION))
    assert os.listdir(tmp_path / "releases") == []


def test_a_missing_archive_names_its_address(mirror):
    with pytest.raises(Problem, match=r"vault/9\.9\.9"):
        release.Release(mirror.url, "9.9.9", "x86_64").expected_sum(mirror.key.text())


def test_a_build_for_another_machine_is_not_listed(mirror):
    mirror.publish(machine="x86_64")
    with pytest.raises(Problem, match="no build for this machine"):
        release.Release(mirror.url, VERSION, "aarch64").expected_sum(mirror.key.text())


@pytest.mark.parametrize("version", ["1.21", "v1.21.1", "latest", "../../etc", "", "1.21.1\n", "1.21.١"])
def test_a_wrong_version_is_refused(version):
    with pytest.raises(Problem, match="is not a version of Vault"):
        release.Release("file:///nowhere", version, "x86_64")


@pytest.mark.parametrize("mirror", ["mirror.example/vault", "", "ftp://mirror.example", "http://[::1", "data:,x"])
def test_a_mirror_that_is_no_url_is_refused(mirror):
    with pytest.raises(Problem, match="is not a URL"):
        release.Release(mirror, VERSION, "x86_64")


@pytest.mark.parametrize("size", ["65537", None])
def test_an_endless_or_large_file_ends_at_its_limit(tmp_path, size):
    head = b"HTTP/1.1 200 OK\r\n" + (f"Content-Length: {size}\r\n".encode() if size else b"") + b"\r\n"
    with (
        serving(lambda stream: [stream.write(head), endless(stream)]) as url,
        pytest.raises(Problem, match="larger than 64 KiB"),
    ):
        download.fetch(f"{url}/x", str(tmp_path / "x"), download.Limit(64 << 10, 20))
    assert (tmp_path / "x").stat().st_size <= 64 << 10


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ids=["body", "header", "size of a chunk"],
)
def test_a_trickle_ends_at_the_deadline_of_the_whole(tmp_path, head):
    begun = time.monotonic()
    with serving(trickle_of(head)) as url, pytest.raises(Problem, match="did not arrive within"):
        download.fetch(f"{url}/x", str(tmp_path / "x"), download.Limit(64 << 10, 0.5, silence=5))
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour", "broke off after 4 of 9 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfo", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nfo", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nfour", "Content-Length: -1"),
        (b"garbage\r\n\r\n", "BadStatusLine"),
        (b"", "can't be had|could not be saved"),
    ],
)
def test_an_answer_that_breaks_off_is_said_in_words(tmp_path, answer, says):
    with serving(lambda stream: stream.write(answer)) as url, pytest.raises(Problem, match=says) as error:
        download.fetch(f"{url}/x", str(tmp_path / "x"), download.Limit(64 << 10, 20))
    assert url in str(error.value)


def test_room_is_found_before_anything_is_written(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(Problem, match=r"needs \d+ MiB.* MiB free") as error:
        download.require_room(str(tmp_path), free, 1 << 30, "Unpacking")
    assert str(tmp_path) in str(error.value)
    download.require_room(str(tmp_path), 0, 0, "Unpacking")


def test_an_archive_that_does_not_fit_is_not_fetched(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {free}\r\n\r\n".encode()
    with (
        serving(lambda stream: [stream.write(head), endless(stream)]) as url,
        pytest.raises(Problem, match="are to stay free"),
    ):
        download.fetch(f"{url}/x", str(tmp_path / "x"), download.Limit(free + 1, 20, reserve=1 << 30))
    assert (tmp_path / "x").stat().st_size == 0


def test_a_binary_that_grows_beyond_its_limit_is_not_unpacked(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(release, "BINARY_BYTES", 1 << 20)
    mirror.publish(content="0" * (2 << 20))
    found = release.Release(mirror.url, VERSION, os.uname().machine)
    with pytest.raises(Problem, match=f"has {2 << 20} bytes"):
        found.unpack(found.expected_sum(mirror.key.text()), str(tmp_path / "releases" / VERSION))
    assert os.listdir(tmp_path / "releases") == []


def test_a_binary_that_is_larger_than_its_archive_says_is_not_unpacked(mirror, tmp_path):
    mirror.publish(content="0" * 5000)
    found = release.Release(mirror.url, VERSION, os.uname().machine)
    archive = mirror.folder() / found.archive
    # The size as the archive's directory has it.
    changed = archive.read_bytes().replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    archive.write_bytes(changed)
    with pytest.raises(Problem, match="could not be unpacked|larger than the archive says"):
        found.unpack(hashlib.sha256(changed).hexdigest(), str(tmp_path / "releases" / VERSION))
    assert os.listdir(tmp_path / "releases") == []


def test_an_archive_without_a_vault_in_it_is_said_in_words(mirror, tmp_path):
    found = release.Release(mirror.url, VERSION, os.uname().machine)
    archive = mirror.folder() / found.archive
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("../vault", "x")
    with pytest.raises(Problem, match="could not be unpacked"):
        found.unpack(hashlib.sha256(archive.read_bytes()).hexdigest(), str(tmp_path / "releases" / VERSION))


@pytest.mark.parametrize("umask", [0o027, 0o077])
def test_everybody_may_use_what_was_laid_down_whatever_the_umask_is(node, umask):
    before = os.umask(umask)
    try:
        node.run()
    finally:
        os.umask(before)
    for path in (node.home, node.releases, node.binary.parent, node.binary):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755, path


# --- who signed it


def test_sums_that_were_changed_after_signing_are_refused(mirror):
    sums = mirror.folder() / f"vault_{VERSION}_SHA256SUMS"
    sums.write_text("0" * 64 + "  vault_1.2.3_linux_amd64.zip\n")
    with pytest.raises(Problem, match="signature.* does not belong to this file"):
        release.Release(mirror.url, VERSION, "x86_64").expected_sum(mirror.key.text())


def test_another_key_is_refused(mirror, make_key):
    with pytest.raises(Problem, match="by another key"):
        release.Release(mirror.url, VERSION, "x86_64").expected_sum(make_key().made().text())


@pytest.fixture(params=["gpgv", "gpg"])
def tool(request):
    return request.param


@pytest.fixture
def only(tmp_path, monkeypatch, tool):
    """A node that has this one of GnuPG's programs, and nothing else in its path."""
    folder = tmp_path / "only"
    folder.mkdir()
    (folder / tool).symlink_to(shutil.which(tool))
    before = os.environ["PATH"]

    @contextlib.contextmanager
    def path():
        monkeypatch.setenv("PATH", str(folder))
        yield folder
        monkeypatch.setenv("PATH", before)

    return path


@pytest.fixture
def signed(tmp_path, only):
    path = tmp_path / "sums"
    path.write_text("x")

    def verify(key):
        text = key.text()
        with only():
            signature.verify(str(path), f"{path}.sig", text, "the sums")

    return verify


def test_a_good_signature_is_accepted_and_leaves_nothing_behind(make_key, signed, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    # Neither trusts what root's own home has, nor writes there.
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    key = make_key().made()
    key.sign(tmp_path / "sums")
    signed(key)
    assert os.listdir(tmp_path / "temporary") == []
    assert not (tmp_path / "none").exists()
    (tmp_path / "sums").write_text("y")
    with pytest.raises(Problem, match="does not belong to this file"):
        signed(key)


def test_a_key_of_roots_own_is_not_the_publishers(make_key, signed, tmp_path, monkeypatch):
    theirs, ours = make_key().made(), make_key().made()
    theirs.sign(tmp_path / "sums")
    monkeypatch.setenv("GNUPGHOME", str(theirs.home))
    with pytest.raises(Problem, match="by another key"):
        signed(ours)


@pytest.mark.parametrize(
    ("os_release", "cure"),
    [
        ("ID=debian", "apt-get install --yes gpgv"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "dnf install --assumeyes gnupg2"),
        ('ID="amzn"\nVERSION_ID="2023"', "dnf install --assumeyes --allowerasing gnupg2-full"),
        ("ID=slackware", "Install gpgv or gpg"),
    ],
)
def test_a_node_without_either_is_told_what_to_install(make_key, tmp_path, monkeypatch, os_release, cure):
    text = make_key().made().text()
    # As Amazon Linux 2023 has it.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gpgv").symlink_to("gpgv2")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "os-release").write_text(os_release)
    monkeypatch.setattr(programs, "_OS_RELEASE", (str(tmp_path / "none"), str(tmp_path / "os-release")))
    with pytest.raises(Problem, match=rf"no gpgv or gpg, .* {cure}"):
        signature.verify("sums", "sums.sig", text, "the sums")
    monkeypatch.undo()


def test_a_key_that_was_revoked_since_is_refused(make_key, signed, tmp_path):
    key = make_key().made()
    key.sign(tmp_path / "sums")
    signed(key)
    key.revoke()
    with pytest.raises(Problem, match="the key was revoked"):
        signed(key)


def test_a_key_that_has_expired_since_is_refused(make_key, signed, tmp_path):
    faked = ("--faked-system-time", LONG_AGO)
    key = make_key().made(*faked, lasts="1d")
    key.sign(tmp_path / "sums", *faked)
    with pytest.raises(Problem, match="the key has expired"):
        signed(key)


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_a_subkey_ends_with_its_primary_key(make_key, signed, tmp_path, end):
    faked = ("--faked-system-time", LONG_AGO) if end == "expired" else ()
    key = make_key().made(*faked, lasts="1d" if end == "expired" else "never", usage="cert")
    key.gpg(*faked, "--quick-add-key", key.fingerprint, "ed25519", "sign", "never")
    key.sign(tmp_path / "sums", *faked)
    if end == "revoked":
        signed(key)
        key.revoke()
    with pytest.raises(Problem, match=end):
        signed(key)


def test_a_signature_that_has_expired_is_refused(make_key, signed, tmp_path):
    faked = ("--faked-system-time", LONG_AGO)
    key = make_key().made(*faked)
    key.sign(tmp_path / "sums", *faked, "--default-sig-expire", "1d")
    with pytest.raises(Problem, match="it has expired"):
        signed(key)


def test_a_message_in_place_of_a_signature_is_refused(make_key, signed, tmp_path):
    key = make_key().made()
    key.gpg("--sign", "-o", str(tmp_path / "sums.sig"), str(tmp_path / "sums"))
    with pytest.raises(Problem, match="is not accepted"):
        signed(key)


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "kill -9 $$"])
def test_a_program_that_says_nothing_proves_nothing(make_key, signed, only, tool, tmp_path, script):
    key = make_key().made()
    key.sign(tmp_path / "sums")
    with only() as folder:
        (folder / tool).unlink()
        (folder / tool).write_text(f"#!/bin/sh\n{script}\n")
        (folder / tool).chmod(0o755)
    with pytest.raises(Problem, match=f"is not accepted: {tool} "):
        signed(key)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n????\n-----END PGP PUBLIC KEY BLOCK-----\n",
    ],
)
def test_a_key_that_is_no_key_is_refused(text):
    with pytest.raises(Problem, match="not an ASCII-armoured"):
        signature.dearmor(text)


def test_a_key_from_a_windows_machine_is_the_same_key(mirror):
    text = mirror.key.text()
    assert signature.dearmor(text.replace("\n", "\r\n")) == signature.dearmor(text)


def test_the_publishers_key_that_the_role_has_can_be_read():
    path = CHECKOUT / "roles" / "vault_install" / "files" / "hashicorp.asc"
    with open(path, encoding="ascii") as stream:
        assert len(signature.dearmor(stream.read())) > 1000


# --- parsers raise the project's own error and no other

ARMOUR = st.sampled_from(
    ["-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----", "", "AAAA", "=abcd"]
)
STATUS = st.sampled_from(
    ["[GNUPG:]", "GOODSIG", "VALIDSIG", "REVKEYSIG", "EXPKEYSIG", "BADSIG", "KEY_CONSIDERED", "", "x"]
)


@given(st.text() | st.lists(ARMOUR | st.text(max_size=5)).map("\n".join))
def test_any_text_is_a_key_or_refused(text):
    with contextlib.suppress(Problem):
        assert isinstance(signature.dearmor(text), bytes)


@given(st.text() | st.lists(st.lists(STATUS).map(" ".join)).map("\n".join), st.integers(-20, 300))
def test_no_status_but_one_good_signature_is_accepted(text, code):
    if signature.refusal(text, code) is None:
        assert code == 0
        assert "[GNUPG:] GOODSIG" in text
        assert "[GNUPG:] VALIDSIG" in text
        assert not any(f"[GNUPG:] {word}" in text.split("\n") for word in signature.REFUSED)


@given(st.text() | st.lists(st.sampled_from(["0" * 64, "a" * 64, "A" * 64, "x.zip", " ", "\n", "\t"])).map("".join))
def test_any_text_is_sums_or_refused(text):
    with contextlib.suppress(Problem):
        listed = release.listed_sums(text, "here")
        assert all(release.DIGEST.fullmatch(digest) for digest in listed.values())


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str))
def test_any_record_is_sums_or_none(text):
    assert installed.parse(text, VERSION) is None


@pytest.mark.parametrize("line", ["{0}  a  b", "{0}", "a  {0}", "{0}0  a", "{0}  a\n" + "1" * 64 + "  a"])
def test_a_line_of_the_sums_is_one_checksum_and_one_name(line):
    with pytest.raises(Problem, match="is not one checksum and one name"):
        release.listed_sums(line.format("0" * 64), "here")


# --- what is installed


def test_a_second_run_changes_nothing_and_needs_no_mirror(node, mirror):
    assert node.run()["changed"]
    shutil.rmtree(mirror.root)
    assert node.run()["changed"] is False
    assert node.run(check=True)["changed"] is False


def test_check_mode_says_what_a_run_does(node):
    said = node.run(check=True)
    assert not node.home.exists()
    assert said["diff"] == node.run()["diff"]


@pytest.mark.parametrize("content", [b"", b"#!/bin/ls\n"], ids=["empty", "of the same size"])
def test_a_binary_that_was_changed_is_refused_on_any_run(node, content):
    node.run()
    node.binary.write_bytes(content)
    for check in (True, False):
        assert "is not the publisher's release any more" in node.run(check=check)["msg"]
    assert node.binary.read_bytes() == content


def test_a_binary_that_was_changed_is_not_switched_on(node, mirror):
    mirror.publish("1.2.4", "other")
    node.run(version="1.2.4")
    node.run(activate=False)
    node.binary.write_bytes(b"")
    assert "is not the publisher's release any more" in node.run()["msg"]
    assert os.readlink(node.link) == str(node.releases / "1.2.4" / "vault")


def test_when_a_release_is_switched_on_its_content_is_read(node, mirror):
    """A stamp that fits is not enough then."""
    mirror.publish("1.2.4", "other")
    node.run(version="1.2.4")
    node.run(activate=False)
    node.binary.write_bytes(b"#!/bin/ls\n")
    sums = installed.kept(str(node.binary.parent), VERSION)
    forged = installed.Sums(sums.version, sums.archive, sums.binary, installed.stamp(str(node.binary)))
    installed._write(str(node.binary.parent), forged)
    assert "is not the publisher's release any more" in node.run()["msg"]


def test_a_copy_of_the_machine_has_other_times_and_the_same_content(node):
    node.run()
    os.utime(node.binary, (1, 1))
    assert node.run()["changed"] is False
    sums = installed.kept(str(node.binary.parent), VERSION)
    assert sums.stamp == installed.stamp(str(node.binary))


def test_a_release_without_sums_is_compared_with_its_archive_once(node, mirror):
    node.before_sums_were_kept()
    inode = node.binary.stat().st_ino
    assert node.run(check=True)["changed"] is True
    assert node.run()["changed"] is True
    assert node.binary.stat().st_ino == inode
    assert os.listdir(node.releases) == [VERSION]
    shutil.rmtree(mirror.root)
    assert node.run()["changed"] is False


def test_a_release_without_sums_that_is_another_is_refused_and_left(node):
    node.before_sums_were_kept()
    node.binary.write_bytes(b"")
    assert "the one in the signed archive is" in node.run()["msg"]
    assert node.binary.exists()
    assert os.readlink(node.link) == str(node.binary)


def test_the_way_back_is_proven_before_it_is_needed(node, mirror):
    node.before_sums_were_kept()
    mirror.publish("1.2.4", "other")
    assert node.run(version="1.2.4", activate=False)["changed"]
    shutil.rmtree(mirror.root)
    assert node.run(version="1.2.4")["changed"]
    assert node.run(version=VERSION)["changed"]
    assert os.readlink(node.link) == str(node.binary)


def test_a_way_back_that_can_not_be_proven_stops_the_run_before_the_new_release_is_there(node, mirror):
    node.before_sums_were_kept()
    mirror.publish("1.2.4", "other")
    shutil.rmtree(mirror.folder(VERSION))
    assert f"Vault {VERSION}, the way back" in node.run(version="1.2.4", activate=False)["msg"]
    assert os.listdir(node.releases) == [VERSION]


def test_an_old_release_under_a_new_name_is_no_proof(node):
    node.run()
    sums = (node.binary.parent / installed.RECORD).read_text()
    assert installed.parse(sums, VERSION)
    assert installed.parse(sums, "1.2.4") is None


def test_a_folder_without_a_binary_is_said_in_words(node):
    (node.releases / VERSION / "other").mkdir(parents=True)
    assert "no Vault is in it" in node.run()["msg"]


def test_what_killed_runs_left_is_removed_and_what_runs_is_not(node):
    old, young = node.releases / f".{VERSION}.old", node.releases / f".{VERSION}.young"
    for path in (old, young):
        path.mkdir(parents=True)
    os.utime(old, (1, 1))
    node.run()
    assert not old.exists()
    assert young.exists()


def test_everything_is_on_the_disk_before_the_release_appears(mirror, tmp_path, monkeypatch):
    """A loss of power right after the rename finds the whole release: binary, sums and folder were written through."""
    done = []
    real_sync, real_rename = os.fsync, os.rename

    def fsync(handle):
        done.append(os.readlink(f"/proc/self/fd/{handle}"))
        real_sync(handle)

    def rename(old, new):
        done.append(f"appears: {new}")
        real_rename(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    folder = tmp_path / "releases" / VERSION
    found = release.Release(mirror.url, VERSION, os.uname().machine)
    found.unpack(found.expected_sum(mirror.key.text()), str(folder))
    appears = done.index(f"appears: {folder}")
    before, after = done[:appears], done[appears:]
    assert any(path.endswith("/vault") for path in before)
    assert any(f"{installed.RECORD}." in path for path in before)
    assert any(os.path.basename(path).startswith(f".{VERSION}.") for path in before)
    assert str(folder.parent) in after


# --- who may change it

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")


def status(mode, uid=0, gid=0):
    return os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (status(stat.S_IFDIR | 0o755), None),
        (status(stat.S_IFDIR | 0o755, uid=12345), "belongs to 12345"),
        (status(stat.S_IFREG | 0o757), "everybody"),
        (status(stat.S_IFDIR | 0o1777), None),
        (status(stat.S_IFREG | 0o1777), "everybody"),
        (status(stat.S_IFDIR | 0o2775, gid=50), "group"),
        (status(stat.S_IFDIR | 0o2775, gid=0), None),
        (status(stat.S_IFLNK | 0o777), None),
        (status(stat.S_IFLNK | 0o777, uid=12345), "belongs to"),
    ],
)
def test_what_others_could_change(found, says):
    why = guard.weakness(found, (0,), lambda gid: gid == 50)
    assert says in why if says else why is None


def test_a_group_that_nobody_is_in_changes_nothing():
    assert guard.weakness(status(stat.S_IFDIR | 0o2775, gid=50), (0,), lambda _gid: False) is None


@ROOT
@pytest.mark.parametrize("which", ["home", "releases", "folder", "binary"])
def test_what_is_the_collections_own_is_made_roots(node, which):
    node.run()
    path = {"home": node.home, "releases": node.releases, "folder": node.binary.parent, "binary": node.binary}[which]
    os.chown(path, 12345, 12345)
    said = node.run(check=True)
    assert said["changed"]
    assert "belongs to 12345" in said["diff"]["before"]["owners"][str(path)]
    assert path.stat().st_uid == 12345
    assert node.run()["changed"]
    assert (path.stat().st_uid, path.stat().st_gid) == (0, 0)
    assert node.run()["changed"] is False


@ROOT
def test_data_of_user_vault_stays_its_own(node):
    node.run()
    (node.home / "data").mkdir()
    os.chown(node.home / "data", 12345, 12345)
    os.chown(node.home, 12345, 12345)
    node.run()
    assert (node.home / "data").stat().st_uid == 12345


@ROOT
def test_a_home_with_rafts_files_in_it_is_refused_and_left(node):
    node.run()
    (node.home / "raft").mkdir()
    os.chown(node.home, 12345, 12345)
    assert "Raft's files are in it" in node.run()["msg"]
    assert node.home.stat().st_uid == 12345


@ROOT
def test_sums_that_another_user_could_have_written_are_none(node):
    """Who could change the binary could have changed its sums with it."""
    node.run()
    folder = node.binary.parent
    node.binary.write_bytes(b"#!/bin/ls\n")
    sums = installed.kept(str(folder), VERSION)
    found = installed.digest(str(node.binary))
    forged = installed.Sums(sums.version, sums.archive, found, installed.stamp(str(node.binary)))
    installed._write(str(folder), forged)
    os.chown(folder / installed.RECORD, 12345, 12345)
    for path in (node.binary, folder, node.releases, node.home):
        os.chown(path, 12345, 12345)
    assert "the one in the signed archive is" in node.run()["msg"]


@ROOT
def test_a_folder_that_is_not_the_collections_is_named_and_left(node, tmp_path):
    os.chown(tmp_path, 12345, 12345)
    said = node.run()["msg"]
    assert f"{tmp_path} belongs to 12345" in said
    assert f"chown root:root {tmp_path}" in said
    assert tmp_path.stat().st_uid == 12345
    assert not node.home.exists()
    os.chown(tmp_path, 0, 0)


@ROOT
def test_the_links_folder_must_be_roots(node):
    node.link.parent.chmod(0o777)
    assert f"{node.link.parent} may be written by everybody" in node.run()["msg"]
    assert not node.home.exists()


def test_a_closed_folder_is_opened_for_user_vault(node):
    """As runs with umask 027 have left it."""
    node.run()
    node.releases.chmod(0o750)
    assert node.run()["changed"]
    assert stat.S_IMODE(node.releases.stat().st_mode) == 0o755


def test_a_binary_that_is_not_executable_is_mended(node):
    node.run()
    node.binary.chmod(0o644)
    assert node.run()["changed"]
    assert os.access(node.binary, os.X_OK)


def test_a_link_in_place_of_a_folder_is_refused(node, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    node.home.mkdir()
    node.releases.symlink_to(tmp_path / "elsewhere")
    assert "is a symbolic link" in node.run()["msg"]


def test_a_served_mirror_works_as_a_folder_does(mirror, tmp_path):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments):
            pass

    with socketserver.TCPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(mirror.root))) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        found = release.Release(f"http://127.0.0.1:{server.server_address[1]}", VERSION, os.uname().machine)
        found.unpack(found.expected_sum(mirror.key.text()), str(tmp_path / "releases" / VERSION))
        server.shutdown()
    assert (tmp_path / "releases" / VERSION / "vault").exists()
