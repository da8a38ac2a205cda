"""Which versions of Vault the lab makes: what the inventory names, and what somebody asks for beside it."""

from __future__ import annotations

import re

import pytest
import yaml
from kit.paths import ROOT
from labkit import binaries, settings
from labkit.say import LabError

RECIPES = ROOT / "tests" / "lab" / "build"


@pytest.fixture
def built(monkeypatch, tmp_path):
    """The versions that are built, in a cache that has none and where the official ones can't be reached."""
    done: list[str] = []

    def build(version):
        done.append(version)
        path = tmp_path / f"vault-{version}"
        path.touch()
        return path

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("VAULTOPS_LAB_VAULT", raising=False)
    monkeypatch.delenv("VAULT_ARCHIVES", raising=False)
    monkeypatch.setattr(binaries, "_official_reachable", lambda version: False)
    monkeypatch.setattr(binaries, "_build", build)
    return done


def named():
    return yaml.safe_load((ROOT / "inventories/lab/group_vars/all.yml").read_text())["vault_version"]


def test_the_inventorys_version_is_built_and_no_other(built):
    assert list(binaries.vault_binaries()) == [named()]
    assert built == [named()]


def test_an_older_one_is_built_for_what_asks_for_it(built, monkeypatch):
    monkeypatch.setenv("VAULTOPS_LAB_VAULT", f"1.21.0 {named()} 1.19.0")
    assert list(binaries.vault_binaries()) == [named(), "1.21.0", "1.19.0"]
    assert built == [named(), "1.21.0", "1.19.0"]


def test_what_was_built_is_not_built_again(built, monkeypatch, tmp_path):
    before = binaries._built(named())
    before.parent.mkdir(parents=True)
    before.touch()
    assert binaries.vault_binaries() == {named(): before}
    assert built == []


def test_what_was_built_of_another_main_program_is_not_taken(built, monkeypatch, tmp_path):
    before = binaries._built(named())
    before.parent.mkdir(parents=True)
    before.touch()
    (tmp_path / "main.go").write_text(binaries._MAIN.read_text() + "// another\n")
    monkeypatch.setattr(binaries, "_MAIN", tmp_path / "main.go")
    binaries.vault_binaries()
    assert built == [named()]


@pytest.mark.parametrize("asked", ["1.21", "v1.21.0", "1.21.0,1.19.0", "../x"])
def test_what_is_no_version_is_refused(asked, monkeypatch):
    monkeypatch.setenv("VAULTOPS_LAB_VAULT", asked)
    with pytest.raises(LabError, match="there is no Vault"):
        settings.vault_versions()


def test_a_version_without_a_recipe_is_not_begun(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("VAULTOPS_LAB_VAULT", "1.2.3")
    monkeypatch.setattr(binaries, "_official_reachable", lambda version: False)
    monkeypatch.setattr(binaries, "_go_build", lambda *given: given[-1].parent.mkdir(parents=True, exist_ok=True))
    with pytest.raises(LabError, match=r"Vault 1\.2\.3 can't be had"):
        binaries.vault_binaries()


def test_every_version_that_is_asked_for_can_be_built():
    makefile = (ROOT / "Makefile").read_text()
    older = re.findall(r"vault-(\d+\.\d+\.\d+)", makefile)
    scenario = yaml.safe_load((ROOT / "molecule/upgrade/molecule.yml").read_text())
    asked = {named(), *older, scenario["provisioner"]["env"]["VAULTOPS_LAB_VAULT"]}
    assert len(asked) > 1
    assert [version for version in asked if not (RECIPES / f"vault-{version}" / "go.sum").is_file()] == []
