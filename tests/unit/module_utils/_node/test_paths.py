"""A directory that is not Vault's own keeps its owner, its mode and what is in it."""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._node import files, paths, wipe
from ansible_collections.vaultops.cluster.plugins.modules import vault_files, vault_wipe_data
from hypothesis import given, settings
from hypothesis import strategies as st

ME = getpass.getuser()
MY_GROUP = grp.getgrgid(os.getgid()).gr_name
DATA = "/opt/vault/data"
SHARED = ["/var/log"]
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory to another user")


@pytest.fixture
def somebody_else():
    return next(user.pw_name for user in pwd.getpwall() if user.pw_uid not in (0, os.getuid()))


# --- what the inventory may name


@pytest.mark.parametrize(
    "audit", ["/var/log/vault/audit.log", "/mnt/audit/vault/audit.log", "/var/log/vault_audit.log"]
)
def test_these_audit_files_are_fine(audit):
    assert paths.problems(DATA, [audit], SHARED) == []


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        ("/audit.log", "/ is a directory that others use"),
        ("/tmp/audit.log", "nothing below /tmp"),
        ("/opt/audit.log", "/opt is a directory that others use"),
        ("/etc/systemd/system/audit.log", "is a directory that others use"),
        ("/opt/vault/audit.log", "must stay root's"),
        ("/opt/vault/releases/1.21.1/audit.log", "nothing below /opt/vault/releases"),
        ("/home/vault/audit.log", "nothing below /home"),
        ("audit.log", "Give an absolute path"),
        ("/var/log/vault/../audit.log", "without detours: /var/log/audit.log"),
        ("/var/log/vault/./audit.log", "without detours"),
        ("//var/log/audit.log", "single slashes"),
        ("/var/log/vault/", "single slashes"),
        ("/var/log/a b/audit.log", "letters, digits"),
        ("/var/log/%h/audit.log", "letters, digits"),
        ("/var/log/vault/audit.log\n", "letters, digits"),
        ("", "absolute"),
    ],
)
def test_these_audit_files_are_refused_with_the_reason(audit, said):
    (problem,) = paths.problems(DATA, [audit], SHARED)
    assert said in problem


@pytest.mark.parametrize(
    "data", ["/", "/opt", "/var/lib", "/srv", "/opt/vault", "/etc/vault.d", "/tmp/vault", "data", "/opt/"]
)
def test_a_data_directory_that_is_not_vaults_own_is_refused(data):
    (problem,) = paths.problems(data, [], SHARED)
    assert "vault_server_data_dir" in problem


def test_a_directory_of_the_system_is_known_by_its_other_names(tmp_path):
    (tmp_path / "link").symlink_to("/var")
    assert paths.is_standard(str(tmp_path / "link" / "log"))
    assert paths.is_standard("//etc/")
    assert not paths.is_standard("/var/log/vault")


parts = st.sampled_from(
    ["", ".", "..", "var", "log", "tmp", "etc", "opt", "vault", "data", "srv", "usr", "bin", "audit.log", "a b"]
)
any_path = st.builds(
    lambda lead, names: lead + "/".join(names), st.sampled_from(["", "/", "//"]), st.lists(parts, max_size=5)
)


@settings(deadline=None)
@given(data=any_path, audit_files=st.lists(any_path, max_size=3), shared=st.lists(any_path, max_size=2))
def test_no_list_of_paths_makes_a_directory_of_the_system_vaults_own(data, audit_files, shared):
    # As the role has it: what lies in a shared directory is handled file by file.
    own = {data} | {os.path.dirname(path) for path in audit_files if os.path.dirname(path) not in shared}
    if paths.problems(data, audit_files, shared):
        return
    assert not {folder for folder in own if os.path.normpath(folder) in paths.STANDARD | paths.ROOTS_OWN}
    assert all(os.path.normpath(folder) == folder and folder.startswith("/") for folder in own)


@settings(deadline=None)
@given(folder=any_path)
def test_whatever_is_asked_a_directory_of_the_system_is_not_touched(folder):
    """The node's own guard, below all that the inventory and the role decide."""
    if not paths.is_standard(folder):
        return
    touched = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("makedirs", "chown", "chmod", "mkdir", "rmdir", "unlink"):
            patch.setattr(os, name, lambda *arguments, name=name, **_options: touched.append((name, arguments)))
        patch.setattr(shutil, "rmtree", lambda *arguments, **_options: touched.append(("rmtree", arguments)))
        with pytest.raises(Problem, match="directory that others use"):
            files.put(files.Entry(folder, ME, MY_GROUP, 0o700))
        wipe.remove([os.path.join(folder, "vaultops-no-such-file")])
        if folder and os.path.isdir(folder):
            with pytest.raises(Problem, match="Nothing was removed"):
                wipe.found(folder, "/nowhere", [], ME)
    assert [call for call in touched if call[0] != "unlink"] == []


# --- what happens on a node


def lay_down(run_module, root: Path, **more):
    return run_module(
        vault_files,
        directories=[{"path": str(root / "log"), "owner": ME, "group": MY_GROUP, "mode": "0700", "own": True}],
        **more,
    )


def test_a_directory_of_its_own_is_made_and_repaired(run_module, tmp_path):
    assert lay_down(run_module, tmp_path)["changed"]
    (tmp_path / "log").chmod(0o755)
    assert lay_down(run_module, tmp_path)["changed"]
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
    assert not lay_down(run_module, tmp_path)["changed"]


@needs_root
@pytest.mark.parametrize("check", [False, True])
def test_a_directory_of_somebody_else_is_left_as_it_is(run_module, tmp_path, somebody_else, check):
    (tmp_path / "log").mkdir(mode=0o755)
    shutil.chown(tmp_path / "log", somebody_else)
    before = os.stat(tmp_path / "log")
    said = lay_down(run_module, tmp_path, check=check)["msg"]
    assert f"belongs to {somebody_else}" in said
    assert f"chown {ME}:" in said
    after = os.stat(tmp_path / "log")
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)


@needs_root
def test_a_directory_that_is_only_to_be_repaired_is_given_back(run_module, tmp_path, somebody_else):
    (tmp_path / "etc").mkdir()
    shutil.chown(tmp_path / "etc", somebody_else)
    run_module(
        vault_files, directories=[{"path": str(tmp_path / "etc"), "owner": ME, "group": MY_GROUP, "mode": "0750"}]
    )
    assert (tmp_path / "etc").owner() == ME


def test_a_file_in_a_shared_directory_has_to_be_there(run_module, tmp_path):
    written = [{"path": str(tmp_path / "vault_audit.log"), "owner": ME}]
    said = run_module(vault_files, written=written)["msg"]
    assert "does not exist" in said
    (tmp_path / "vault_audit.log").write_text("")
    tmp_path.chmod(0o755)
    assert run_module(vault_files, written=written)["changed"] is False
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@needs_root
def test_a_file_of_somebody_else_in_a_shared_directory_is_refused(run_module, tmp_path, somebody_else):
    (tmp_path / "syslog").write_text("")
    shutil.chown(tmp_path / "syslog", somebody_else)
    said = run_module(vault_files, written=[{"path": str(tmp_path / "syslog"), "owner": ME}])["msg"]
    assert f"is not a regular file of {ME}" in said


def scratch(root: Path) -> dict:
    certificates = ("vault.crt", "vault.key", "pending.key", "replaced/0a.crt", "replaced/0b.crt")
    for path in (
        "data/raft/raft.db",
        *(f"tls/{name}" for name in certificates),
        "log/vault_audit.log",
        "log/syslog",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")
    for name in ("vault_audit.log.1", "vault_audit.log.2.gz", "vault_audit.log-20261125", "vault_audit.logger"):
        (root / "log" / name).write_text("x")
    return {
        "data": str(root / "data"),
        "tls": str(root / "tls"),
        "audit_files": [str(root / "log" / "vault_audit.log")],
        "owner": ME,
    }


def test_what_is_discarded_is_vaults_alone(run_module, tmp_path):
    options = scratch(tmp_path)
    assert run_module(vault_wipe_data, check=True, **options)["changed"]
    assert (tmp_path / "data" / "raft" / "raft.db").exists()
    assert run_module(vault_wipe_data, **options)["changed"]
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["log", "log/syslog", "log/vault_audit.logger"]
    assert not run_module(vault_wipe_data, **options)["changed"]


def test_a_directory_that_only_held_audit_files_goes_too(run_module, tmp_path):
    options = scratch(tmp_path)
    (tmp_path / "log" / "syslog").unlink()
    (tmp_path / "log" / "vault_audit.logger").unlink()
    run_module(vault_wipe_data, **options)
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_data_of_somebody_else_is_not_discarded(run_module, tmp_path, somebody_else):
    options = scratch(tmp_path)
    shutil.chown(tmp_path / "data", somebody_else)
    assert "Nothing was removed" in run_module(vault_wipe_data, **options)["msg"]
    assert (tmp_path / "data" / "raft" / "raft.db").exists()
    assert (tmp_path / "log" / "vault_audit.log").exists()


@pytest.mark.parametrize(
    "log_file",
    ["/var/log/vault/", "/var/log/vault/vault.log", "/var/log/vault/server/vault.log", f"{DATA}/vault.log", ""],
)
def test_vault_logs_where_its_unit_lets_it_write(log_file):
    assert paths.problems(DATA, ["/var/log/vault/audit.log"], SHARED, log_file) == []


@pytest.mark.parametrize(
    ("log_file", "audit"),
    [
        ("/var/log/vault.log", "/var/log/vault/audit.log"),
        ("/var/log/vault", "/var/log/vault/audit.log"),  # a file of this name, in /var/log
        ("/var/log/vaults/", "/var/log/vault/audit.log"),
        ("/var/log/vault/vault.log", "/var/log/vault_audit.log"),  # of the shared directory one file is Vault's
        ("/etc/vault.d/vault.log", "/var/log/vault/audit.log"),
        ("vault.log", "/var/log/vault/audit.log"),
        ("/var/log/vault/../vault.log", "/var/log/vault/audit.log"),
    ],
)
def test_another_place_for_the_log_is_refused(log_file, audit):
    (problem,) = paths.problems(DATA, [audit], SHARED, log_file)
    assert "log_file" in problem


def test_what_openbao_may_not_have_is_said_of_openbao():
    said = [
        *paths.problems("/var", [], [], flavour="openbao"),
        *paths.problems("/opt/vault", ["/home/audit.log"], [], "/srv/vault.log", flavour="openbao"),
    ]
    assert len(said) == 4 and all("OpenBao" in one and "Vault" not in one for one in said)
