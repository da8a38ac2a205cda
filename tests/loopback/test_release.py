"""A release is the same file by file, wherever and whenever it is built, and only of what is committed. Each is made in a clone,
as 'make release' starts it."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.parse
import uuid
from pathlib import Path

import pytest
from kit.paths import ROOT

ENVIRONMENT, GALAXY = (Path(os.environ.get(name, "")) for name in ("VAULTOPS_RELEASE_VENV", "VAULTOPS_GALAXY_VENV"))
WORDS = {"user.name": "A maintainer", "user.email": "maintainer@example.com", "commit.gpgsign": "false"}


class Clone:
    def __init__(self, path: Path, source: Path = ROOT) -> None:
        self.path = path
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", source, path], check=True)
        for name, value in WORDS.items():
            self.git("config", name, value)

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.path, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, words: str = "a change") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", words)

    def run(self, script: str, *arguments: str | Path, umask: int = 0o022, **environment: str):
        """With the tests of the clone, not of this checkout."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("VAULTOPS_")}
        own |= {"PYTHONPATH": str(self.path / "tests"), "ANSIBLE_HOME": str(self.path / ".ansible"), **environment}
        command = [sys.executable, self.path / "tests" / "release" / script, ENVIRONMENT, *arguments]
        return subprocess.run(
            command, cwd=self.path, env=own, umask=umask, capture_output=True, text=True, check=False, timeout=500
        )

    def release(self, **options):
        return self.run("make.py", GALAXY, **options)

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.path / "build" / "release").iterdir()}


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """Of nobody, in a keyring of its own."""
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", home, "--batch", "--quiet"]
    subprocess.run(
        [*gpg, "--passphrase", "", "--quick-generate-key", "release@example.com", "ed25519", "sign", "1d"], check=True
    )
    listed = subprocess.run([*gpg, "--list-keys", "--with-colons"], check=True, capture_output=True, text=True).stdout
    fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    (home / "public.gpg").write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
    yield home, fingerprint
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return Clone(tmp_path_factory.mktemp("one") / "checkout")


@pytest.fixture(scope="module")
def released(clone, key):
    """One release, signed; what else lies about in its checkout is no part of it."""
    (clone.path / ".venv").mkdir()
    (clone.path / ".venv" / "left-over.py").write_text("left\n")
    (clone.path / "plugins" / "modules" / "__pycache__").mkdir()
    (clone.path / "plugins" / "modules" / "__pycache__" / "left-over.pyc").write_bytes(b"left")
    done = clone.release(GNUPGHOME=str(key[0]), VAULTOPS_SIGNING_KEY=key[1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Signed with {key[1]}" in done.stdout
    return clone.files


def whole(files: dict[str, bytes], suffix: str) -> dict:
    (name,) = (name for name in files if name.endswith(suffix))
    return json.loads(files[name])


def test_another_clone_at_another_time_makes_the_same(released, clone, tmp_path_factory):
    other = Clone(tmp_path_factory.mktemp("two") / "deeper" / "elsewhere", clone.path)
    for path in other.path.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, (1_000_000_000, 1_000_000_000))
    done = other.release(umask=0o077, TZ="Pacific/Kiritimati", LC_ALL="C.UTF-8", LANGUAGE="de", PYTHONHASHSEED="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT SIGNED" in done.stdout and "VAULTOPS_SIGNING_KEY=FINGERPRINT make release" in done.stdout
    unsigned = {name: content for name, content in released.items() if not name.endswith(".asc")}
    assert other.files == unsigned
    patches = [one.path / "build" / "after-release.patch" for one in (clone, other)]
    assert patches[0].read_bytes() == patches[1].read_bytes()


def test_the_sums_are_right_and_name_every_file(released):
    listed = dict(reversed(line.split("  ")) for line in released["SHA256SUMS"].decode().splitlines())
    others = {name for name in released if name != "SHA256SUMS" and not name.endswith(".asc")}
    assert listed == {name: hashlib.sha256(released[name]).hexdigest() for name in others}


def test_the_tarball_has_the_release_and_nothing_that_lay_about(released, clone):
    (name,) = (name for name in released if name.endswith(".tar.gz"))
    with tarfile.open(clone.path / "build" / "release" / name) as archive:
        names = archive.getnames()
        changes = archive.extractfile("changelogs/changelog.yaml").read().decode()
    assert not [
        one for one in names if "left-over" in one or one.startswith(("tests/release", "changelogs/fragments", ".git"))
    ]
    version = clone.git("show", "HEAD:galaxy.yml").partition("\nversion: ")[2].partition("\n")[0]
    day = clone.git("log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d")
    assert f"\n  {version}:" in changes and f"release_date: '{day}'" in changes


def test_the_signatures_hold_and_another_file_does_not(released, clone, key, tmp_path):
    def verify(signature: str, signed: Path) -> int:
        command = ["gpg", "--homedir", key[0], "--verify", clone.path / "build" / "release" / signature, signed]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert verify("SHA256SUMS.asc", clone.path / "build" / "release" / "SHA256SUMS") == 0
    (tmp_path / "SHA256SUMS").write_bytes(released["SHA256SUMS"] + b"\n")
    assert verify("SHA256SUMS.asc", tmp_path / "SHA256SUMS") != 0


def test_ansible_galaxy_verifies_what_it_installed_by_the_signature(released, clone, key, tmp_path):
    """As a user would: the words of docs/support.md."""
    folder = clone.path / "build" / "release"
    (archive,), (signature,) = folder.glob("*.tar.gz"), folder.glob("*.MANIFEST.json.asc")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE", "PYTHON"))}
    own |= {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "home")}

    def galaxy(*words: str | Path):
        command = ["ansible-galaxy", "collection", *words]
        return subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, check=False)

    install = galaxy("install", "--offline", "--no-deps", "--collections-path", tmp_path, archive)
    assert install.returncode == 0, install.stderr
    verify = ["verify", "--offline", "vaultops.cluster", "--required-valid-signature-count", "+1"]
    verify += ["--keyring", key[0] / "public.gpg", "--signature", f"file://{urllib.parse.quote(str(signature))}"]
    assert galaxy(*verify).returncode == 0
    page = tmp_path / "ansible_collections" / "vaultops" / "cluster" / "README.md"
    page.write_text(page.read_text() + "another\n")
    done = galaxy(*verify)
    assert done.returncode != 0 and "README.md" in done.stdout
    manifest = page.with_name("MANIFEST.json")
    manifest.write_text(manifest.read_text().replace('"1.', '"7.', 1))
    assert galaxy(*verify).returncode != 0


def test_every_pin_is_in_its_bill_of_materials(released, clone):
    from release.pins import pins

    for subject, requirements in {
        "execution-environment": "execution-environment/requirements.txt",
        "backup-tool": "roles/vault_backup/files/requirements.txt",
        "backup-tool-python3.9": "roles/vault_backup/files/requirements-3.9.txt",
    }.items():
        bom = whole(released, f".{subject}.cdx.json")
        listed = {(one["name"].lower().replace("_", "-"), one.get("version")) for one in bom["components"]}
        wanted = {(pin.name, pin.version) for pin in pins((clone.path / requirements).read_text())}
        assert wanted and wanted <= listed, subject
        (urllib3,) = (one for one in bom["components"] if one["name"] == "urllib3")
        assert urllib3["externalReferences"][0]["hashes"]


def test_the_bills_of_materials_have_the_times_of_the_commit(released, clone):
    epoch = int(clone.git("log", "-1", "--format=%ct"))
    boms = [json.loads(content) for name, content in released.items() if name.endswith(".cdx.json")]
    assert len({bom["serialNumber"] for bom in boms}) == len(boms) == 4
    assert all(uuid.UUID(bom["serialNumber"].removeprefix("urn:uuid:")).version == 5 for bom in boms)
    assert {datetime.datetime.fromisoformat(bom["metadata"]["timestamp"]).timestamp() for bom in boms} == {epoch}


def test_the_collection_s_own_has_the_tarball_and_what_it_asks_for(released):
    bom = whole(released, ".collection.cdx.json")
    (name,) = (name for name in released if name.endswith(".tar.gz"))
    assert bom["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(released[name]).hexdigest()
    asked = {one["name"]: one.get("properties") for one in bom["components"]}
    assert asked["amazon.aws"] and asked["hvac"]
    image = {one["name"]: one for one in whole(released, ".execution-environment.cdx.json")["components"]}
    assert image["amazon.aws"]["version"] and image["session-manager-plugin"]["hashes"]
    assert {"openssh-client", "sshpass", "git"} <= image.keys()


def test_the_statement_is_of_these_files_and_this_commit(released, clone):
    statement = whole(released, ".provenance.json")
    subjects = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    others = {name for name in released if not name.endswith((".asc", ".provenance.json")) and name != "SHA256SUMS"}
    assert subjects == {name: hashlib.sha256(released[name]).hexdigest() for name in others}
    materials = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert materials[0]["digest"]["gitCommit"] == clone.git("rev-parse", "HEAD")
    for one in materials[1:]:
        assert one["digest"]["sha256"] == hashlib.sha256((clone.path / one["name"]).read_bytes()).hexdigest()


def test_in_toto_refuses_a_statement_without_subjects(released, tmp_path):
    """So what it let pass above was looked at."""
    statement = whole(released, ".provenance.json")
    for broken in ({**statement, "subject": []}, {**statement, "more": 1}, {**statement, "_type": "else"}):
        (tmp_path / "statement.json").write_text(json.dumps(broken))
        command = [
            ENVIRONMENT / "bin" / "python",
            ROOT / "tests" / "release" / "provenance.py",
            tmp_path / "statement.json",
        ]
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0


# --- What is no release ---


@pytest.fixture
def scratch(released, clone, tmp_path):
    return Clone(tmp_path / "scratch", clone.path)


def test_a_file_that_is_not_committed(scratch):
    (scratch.path / "plugins" / "new.py").write_text("new\n")
    done = scratch.release()
    assert done.returncode != 0 and "plugins/new.py differ" in done.stderr
    assert not (scratch.path / "build").exists()


def test_no_fragment(scratch):
    shutil.rmtree(scratch.path / "changelogs" / "fragments")
    scratch.commit()
    done = scratch.release()
    assert done.returncode != 0 and "names no change" in done.stderr


def test_a_changelog_that_is_not_current(scratch):
    (scratch.path / "changelogs" / "fragments" / "more.yml").write_text("---\nbugfixes: [Mended.]\n")
    scratch.commit()
    done = scratch.release()
    assert done.returncode != 0 and "Run 'make docs'" in done.stderr


def test_a_version_whose_tag_is_another_commit(scratch):
    scratch.git("tag", "v1.0.0", "HEAD~1")
    done = scratch.release()
    assert done.returncode != 0 and "the tag v1.0.0 is another commit" in done.stderr


def test_a_key_that_is_not_there(scratch, key):
    done = scratch.release(GNUPGHOME=str(key[0]), VAULTOPS_SIGNING_KEY="F" * 40)
    assert done.returncode != 0 and "could not be signed" in done.stderr
    assert not [name for name in scratch.files if name.endswith(".asc")]


def test_after_a_release_the_fragments_are_gone_and_the_next_one_asks_for_its_version(scratch, clone):
    """The words of docs/releasing.md."""
    scratch.git("apply", str(clone.path / "build" / "after-release.patch"))
    subprocess.run([scratch.path / "docs" / "generate_changelog.sh", "--check"], check=True)
    scratch.commit("1.0.0 is out")
    assert not list((scratch.path / "changelogs" / "fragments").glob("*.yml"))
    done = scratch.release()
    assert done.returncode != 0 and "names no change since 1.0.0" in done.stderr

    (scratch.path / "changelogs" / "fragments").mkdir(exist_ok=True)
    (scratch.path / "changelogs" / "fragments" / "more.yml").write_text("---\nminor_changes: [More.]\n")
    scratch.commit()
    done = scratch.release()
    assert done.returncode != 0 and "Set version in galaxy.yml to 1.1.0" in done.stderr

    galaxy = scratch.path / "galaxy.yml"
    galaxy.write_text(galaxy.read_text().replace("version: 1.0.0", "version: 1.1.0"))
    subprocess.run([scratch.path / "docs" / "generate_changelog.sh"], check=True)
    scratch.commit()
    done = scratch.release()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vaultops-cluster-1.1.0.tar.gz" in scratch.files
    text = (scratch.path / "CHANGELOG.md").read_text()
    assert text.index("v1\\.1\\.0") < text.index("v1\\.0\\.0")


# --- The audit ---


def test_the_audit_sees_a_token_a_shell_and_an_old_library(scratch):
    assert (done := scratch.run("audit.py")).returncode == 0, done.stdout + done.stderr
    token = "hvs." + "CAESIJ9mPq2xk" * 3
    (scratch.path / "notes.md").write_text(f"# Notes\n\nThe token is {token}.\n")
    aws = "AKIA" + "Q3EGR7XH2LMN4P5T"
    (scratch.path / "inventories" / "mine.yml").write_text(f"---\naccess: {aws}\n")
    tool = scratch.path / "plugins" / "module_utils" / "_node" / "turn.py"
    tool.write_text(tool.read_text() + "\n\ndef more(name):\n    subprocess.run(name, shell=True)\n")
    pins = scratch.path / "roles" / "vault_backup" / "files" / "requirements.txt"
    pins.write_text(pins.read_text().replace("urllib3==2.8.0", "urllib3==2.6.3"))
    done = scratch.run("audit.py")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "notes.md:3: this looks like a secret (Vault Token)" in said and token not in said
    assert "inventories/mine.yml:2: this looks like a secret (AWS Access Key)" in said and aws not in said
    assert "turn.py" in said and "shell=True" in said
    assert "roles/vault_backup/files/requirements.txt: urllib3 2.6.3 has CVE-2026-97689" in said
