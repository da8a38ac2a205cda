"""OpenBao's releases: named and signed as its publisher does it in each line, believed and kept like any other."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import releases
from ansible_collections.vaultops.cluster.plugins.module_utils._node import signature
from ansible_collections.vaultops.cluster.plugins.modules import vault_release
from kit.paths import ROOT
from kit.signing import Key

# By release: the archive for this machine's kind and for the other one, and the list of sums.
NAMED = {
    "2.5.5": ("bao_2.5.5_Linux_x86_64.tar.gz", "bao_2.5.5_Linux_arm64.tar.gz", "checksums-linux.txt"),
    "2.6.2": ("openbao_2.6.2_linux_amd64.tar.gz", "openbao_2.6.2_linux_arm64.tar.gz", "checksums.txt"),
    "2.7.0": ("openbao_2.7.0_linux_amd64.tar.gz", "openbao_2.7.0_linux_arm64.tar.gz", "checksums.txt"),
}
BINARY = b"#!/bin/sh\necho OpenBao\n"


@pytest.mark.parametrize("version", NAMED)
def test_each_line_has_its_own_names(version):
    amd64, arm64, sums = NAMED[version]
    assert releases.layout("openbao", version, "amd64") == (f"v{version}", amd64, sums, f"{sums}.gpgsig")
    assert releases.layout("openbao", version, "arm64").archive == arm64


def test_vault_has_the_names_that_it_had():
    sums = "vault_1.21.1_SHA256SUMS"
    archive = "vault_1.21.1_linux_amd64.zip"
    assert releases.layout("vault", "1.21.1", "amd64") == ("vault/1.21.1", archive, sums, f"{sums}.sig")


def test_the_keys_that_are_shipped_are_keys():
    for name in ("hashicorp.asc", "openbao.asc"):
        text = (ROOT / "roles" / "vault_install" / "files" / name).read_text()
        assert len(signature.dearmor(text)) > 1000


class Publisher:
    def __init__(self, root, key):
        self.root, self.key = root, key
        self.url = f"file://{root}"

    def publish(self, version, members=(("README.md", b"read me"), ("bao", BINARY)), kind=tarfile.REGTYPE):
        machine = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
        archive, sums = NAMED[version][machine], NAMED[version][2]
        folder = self.root / f"v{version}"
        folder.mkdir(parents=True)
        with tarfile.open(folder / archive, "w:gz") as packed:
            for name, content in members:
                member = tarfile.TarInfo(name)
                member.size, member.type = len(content) if kind == tarfile.REGTYPE else 0, kind
                member.linkname = "/bin/sh"
                packed.addfile(member, io.BytesIO(content))
        digest = hashlib.sha256((folder / archive).read_bytes()).hexdigest()
        other = hashlib.sha256(b"another system's").hexdigest()
        (folder / sums).write_text(f"{other}  openbao-dist-v{version}.tar.xz\n{digest}  {archive}\n")
        self.key.gpg("--detach-sign", "-o", str(folder / f"{sums}.gpgsig"), str(folder / sums))
        return folder / archive


@pytest.fixture
def publisher(tmp_path):
    key = Key(tmp_path / "gpg").made()
    yield Publisher(tmp_path / "mirror", key)
    key.end()


@pytest.fixture
def install(tmp_path, publisher, run_module):
    (tmp_path / "bin").mkdir()

    def run(version, **params):
        places = {"home": str(tmp_path / "home"), "releases": str(tmp_path / "home" / "releases")}
        given = {"version": version, "mirror": publisher.url, "signing_key": publisher.key.text(), **params}
        return run_module(vault_release, flavour="openbao", link=str(tmp_path / "bin" / "bao"), **{**places, **given})

    return run


@pytest.mark.parametrize("version", NAMED)
def test_a_release_is_laid_down_under_its_own_name(install, publisher, tmp_path, version):
    publisher.publish(version)
    done = install(version)
    binary = tmp_path / "home" / "releases" / version / "bao"
    assert (done["changed"], done["path"]) == (True, str(binary))
    assert binary.read_bytes() == BINARY
    assert binary.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "bin" / "bao").resolve() == binary
    assert sorted(path.name for path in binary.parent.iterdir()) == ["bao", "vaultops-sums.json"]
    assert install(version)["changed"] is False


def test_a_way_back_is_proven_as_well(install, publisher, tmp_path):
    publisher.publish("2.5.5")
    publisher.publish("2.6.2")
    install("2.5.5")
    assert install("2.6.2")["changed"]
    (tmp_path / "home" / "releases" / "2.6.2" / "bao").write_bytes(b"another")
    publisher.publish("2.7.0")
    assert "OpenBao 2.6.2, the way back, is switched on and can't be proven" in install("2.7.0")["msg"]


def test_an_archive_that_is_not_the_signed_one_is_refused(install, publisher, tmp_path):
    archive = publisher.publish("2.6.2")
    archive.write_bytes(archive.read_bytes() + b"x")
    assert "the signed list says" in install("2.6.2")["msg"]
    assert not (tmp_path / "home" / "releases" / "2.6.2").exists()


def test_sums_that_another_signed_are_refused(install, publisher):
    publisher.publish("2.6.2")
    shipped = (ROOT / "roles" / "vault_install" / "files" / "openbao.asc").read_text()
    assert "is not accepted: it is by another key" in install("2.6.2", signing_key=shipped)["msg"]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ({"members": [("vault", BINARY)]}, "could not be unpacked"),
        ({"kind": tarfile.SYMTYPE}, "bao in openbao_2.6.2_linux"),
        ({"members": [("bao", b"")]}, "has 0 bytes"),
    ],
)
def test_an_archive_without_a_binary_is_refused(install, publisher, tmp_path, made, says):
    publisher.publish("2.6.2", **made)
    assert says in install("2.6.2")["msg"]
    assert not (tmp_path / "home" / "releases" / "2.6.2").exists()


def test_a_folder_of_the_other_product_is_left_alone(install, publisher, tmp_path):
    publisher.publish("2.6.2")
    folder = tmp_path / "home" / "releases" / "2.6.2"
    folder.mkdir(parents=True)
    (folder / "vault").write_text("Vault's")
    assert "no OpenBao is in it" in install("2.6.2")["msg"]


def test_what_others_could_replace_is_named(install, publisher, tmp_path):
    publisher.publish("2.6.2")
    (tmp_path / "bin").chmod(0o777)
    assert "so others than root could replace the OpenBao that root runs" in install("2.6.2")["msg"]
