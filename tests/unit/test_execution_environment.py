"""The execution environment has what the collection asks for, in the versions that are tested, and nothing unverified."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from kit.paths import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = ROOT / "execution-environment"
SCRIPT = FOLDER / "session-manager-plugin.sh"
DEFINITION = yaml.safe_load((FOLDER / "execution-environment.yml").read_text())


def pinned(path: Path) -> dict[str, str]:
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(), re.M)
    }


IN_IMAGE = pinned(FOLDER / "requirements.txt")


def test_python_packages_are_those_of_the_tests():
    tested = pinned(ROOT / "constraints.txt")
    assert {name: version for name, version in IN_IMAGE.items() if tested.get(name, version) != version} == {}
    for name, version in pinned(FOLDER / "requirements.in").items():
        assert IN_IMAGE[name] == version


def test_every_python_package_has_a_hash():
    entries = re.split(r"\n(?=\w)", (FOLDER / "requirements.txt").read_text())
    assert [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


def test_what_the_collections_ask_for_is_there():
    installed = Path(sysconfig.get_path("purelib")) / "ansible_collections"
    asked = [ROOT / "meta/requirements.txt", installed / "amazon/aws/requirements.txt"]
    lines = [line for path in asked for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert lines
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(IN_IMAGE[canonicalize_name(requirement.name)]), requirement


def test_collections_are_those_of_the_tests_and_all_that_galaxy_yml_depends_on():
    installed = Path(sysconfig.get_path("purelib")) / "ansible_collections"
    wanted = yaml.safe_load((FOLDER / "requirements.yml").read_text())["collections"]
    for collection in wanted:
        manifest = installed / collection["name"].replace(".", "/") / "MANIFEST.json"
        assert json.loads(manifest.read_text())["collection_info"]["version"] == collection["version"]
    depends = yaml.safe_load((ROOT / "galaxy.yml").read_text())["dependencies"]
    assert {collection["name"] for collection in wanted} == set(depends)


def test_system_packages_are_installed_in_one_place_for_all_stages():
    """bindep looks at what is there; without package lists in the last stage it could install nothing."""
    (install,) = [step for step in DEFINITION["additional_build_steps"]["prepend_base"] if "apt-get install" in step]
    for path in (FOLDER / "bindep.txt", ROOT / "meta/bindep.txt"):
        for name in re.findall(r"^([\w-]+) \[platform:dpkg\]", path.read_text(), re.M):
            assert f" {name} " in install
    local = (ROOT / "tests/lab/execution-environment/packages").read_text().split()
    assert local == install.split("--no-install-recommends ")[1].split(" && ")[0].split()


# --- the session-manager-plugin


@pytest.fixture
def install(tmp_path):
    """Runs the script beside stand-ins for curl and dpkg; returns code, words, and what dpkg was asked to install."""
    content, done = tmp_path / "content", tmp_path / "installed"
    content.write_bytes(b"the package")
    tools = {
        "curl": f'while [ "$1" != --output ]; do shift; done; cp {content} "$2"; echo "$3" >{tmp_path}/url',
        "dpkg": f'case "$1" in --print-architecture) echo "${{ARCH:-amd64}}";; *) cat "$2" >{done};; esac',
    }
    for name, text in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    def run(version, **environment):
        done.unlink(missing_ok=True)
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SESSION_MANAGER_PLUGIN": version, **environment}
        ran = subprocess.run(["sh", SCRIPT], env=env, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout + ran.stderr, done.read_bytes() if done.exists() else None

    run.sum = hashlib.sha256(content.read_bytes()).hexdigest()
    run.url = tmp_path / "url"
    return run


def test_the_plugin_is_installed_where_its_hash_is_right(install):
    assert install("1.2.999.0", SESSION_MANAGER_PLUGIN_SHA256=install.sum) == (0, "", b"the package")
    assert install.url.read_text().strip().endswith("/plugin/1.2.999.0/ubuntu_64bit/session-manager-plugin.deb")
    install("1.2.999.0", SESSION_MANAGER_PLUGIN_SHA256=install.sum, ARCH="arm64")
    assert "/ubuntu_arm64/" in install.url.read_text()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"SESSION_MANAGER_PLUGIN": "1.2.835.0"}, "has another hash"),
        ({"SESSION_MANAGER_PLUGIN": "1.2.835.0", "ARCH": "arm64"}, "has another hash"),
        ({"SESSION_MANAGER_PLUGIN": "1.2.1.0"}, "the hash of version 1.2.1.0 is not known"),
        ({"SESSION_MANAGER_PLUGIN": "1.2.835.0", "ARCH": "riscv64"}, "AWS has none for riscv64"),
    ],
)
def test_what_is_not_verified_is_not_installed(install, environment, says):
    code, words, installed = install(environment.pop("SESSION_MANAGER_PLUGIN"), **environment)
    assert code == 1
    assert says in words
    assert installed is None


def test_the_plugin_is_left_out_only_where_that_is_asked_for_and_said(install):
    code, words, installed = install("none")
    assert (code, installed) == (0, None)
    assert "left out, as asked" in words
    usual = re.search(r"^usual=(\S+)", SCRIPT.read_text(), re.M)[1]
    assert f"ARG SESSION_MANAGER_PLUGIN={usual}" in DEFINITION["additional_build_steps"]["append_final"]
