"""OpenBao's plugin for the seal: taken by its sum alone, laid down whole, and only root's to change."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import plugin
from ansible_collections.vaultops.cluster.plugins.modules import vault_plugin

BINARY = b"\x7fELF plugin"
SUM = hashlib.sha256(BINARY).hexdigest()
PUBLISHED = "openbao-plugin-kms-aws_linux_amd64_v1"


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / f"{PUBLISHED}.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name, content in (("LICENSE", b"MPL"), (PUBLISHED, BINARY)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def binary(tmp_path):
    path = tmp_path / PUBLISHED
    path.write_bytes(BINARY)
    return path


@pytest.fixture
def install(tmp_path, run_module):
    home = tmp_path / "home"
    places = {"home": str(home), "directory": str(home / "plugins")}

    def run(source, check=False, **params):
        given = {"version": "v0.1.0", "url": f"file://{source}", "sha256": SUM, **params}
        return run_module(vault_plugin, check=check, **{**places, **given})

    run.path = home / "plugins" / "v0.1.0" / "openbao-plugin-kms-aws"
    run.home = str(home)
    return run


@pytest.mark.parametrize("packed", ["archive", "binary"])
def test_it_is_laid_down_from_an_archive_or_as_it_is(install, request, packed):
    said = install(request.getfixturevalue(packed))
    assert (said["changed"], said["path"]) == (True, str(install.path))
    assert install.path.read_bytes() == BINARY
    assert install.path.stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in install.path.parent.iterdir()) == [install.path.name, "vaultops-sums.json"]
    assert plugin.kept_sum(str(install.path), install.home) == SUM


def test_what_is_there_is_not_fetched_again(install, binary):
    install(binary)
    binary.unlink()
    assert install(binary)["changed"] is False


def test_check_mode_lays_nothing_down(install, binary):
    assert install(binary, check=True)["changed"] is True
    assert not install.path.exists()


@pytest.mark.parametrize("packed", ["archive", "binary"])
def test_another_sum_leaves_nothing_behind(install, request, packed):
    said = install(request.getfixturevalue(packed), sha256="ab" * 32)
    assert f"and the inventory says {'ab' * 32}" in said["msg"]
    assert list(install.path.parents[1].glob("*")) == []
    assert [path.name for path in install.path.parents[1].iterdir()] == []


def test_an_archive_that_is_none_is_refused(install, archive):
    archive.write_bytes(b"no archive")
    assert "could not be unpacked" in install(archive)["msg"]
    assert not install.path.parent.exists()


def test_the_same_version_with_another_sum_is_refused(install, binary, tmp_path):
    install(binary)
    other = tmp_path / "other"
    other.write_bytes(b"other")
    said = install(other, sha256=hashlib.sha256(b"other").hexdigest())
    assert "for this version" in said["msg"]
    assert install.path.read_bytes() == BINARY


def test_a_binary_that_was_touched_is_proven_no_more(install, binary):
    install(binary)
    install.path.write_bytes(b"another")
    assert plugin.kept_sum(str(install.path), install.home) is None
    assert "has the SHA-256" in install(binary)["msg"]
    install.path.write_bytes(BINARY)
    install.path.chmod(0o757)
    assert plugin.kept_sum(str(install.path), install.home) is None
    assert install(binary)["changed"] is True
    assert plugin.kept_sum(str(install.path), install.home) == SUM
