"""SELinux types of files, by a policy of the test: a stand-in for what Ansible calls of libselinux."""

from __future__ import annotations

import errno
import getpass
import grp
import os

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._node import files, guard, managed, selinux
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import in_line

ME, MY_GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
HOME = "unconfined_u:object_r:user_home_t:s0"


class Library:
    """Contexts by inode, as on a disk: a new file has its directory's, and a rename keeps what a file has."""

    def __init__(self, policy, enforcing=1):
        self.policy, self.enforcing, self.contexts, self.denied = policy, enforcing, {}, False

    def is_selinux_enabled(self):
        return 1

    def security_getenforce(self):
        return self.enforcing

    def lgetfilecon_raw(self, path):
        return [0, self.contexts.get(os.lstat(path).st_ino, HOME)]

    def matchpathcon(self, path, _mode):
        if path not in self.policy:
            raise OSError(errno.ENOENT, "No such file or directory")
        return [0, f"system_u:object_r:{self.policy[path]}:s0"]

    def lsetfilecon(self, path, context):
        if self.denied:
            raise OSError(errno.EACCES, "Permission denied")
        self.contexts[os.lstat(path).st_ino] = context


@pytest.fixture
def policy(tmp_path, monkeypatch):
    """The test's file has a type in the policy, and its file system keeps types."""
    library = Library({str(tmp_path / "vault.hcl"): "etc_t", str(tmp_path / "etc"): "etc_t"})
    monkeypatch.setattr(selinux, "library", library)
    monkeypatch.setattr(selinux, "labelled", lambda _text, _place: True)
    return library


def entry(path, content="ui = true\n"):
    return files.Entry(str(path), ME, MY_GROUP, 0o640 if content is not None else 0o750, content)


def type_at(path, library):
    return library.lgetfilecon_raw(path)[1]


@pytest.mark.parametrize("name", ["vault.hcl", "etc"])
def test_what_is_put_has_the_type_of_its_policy_and_keeps_user_and_level(policy, tmp_path, name):
    wanted = entry(tmp_path / name, None if name == "etc" else "ui = true\n")
    files.put(wanted)
    assert type_at(wanted.path, policy) == "unconfined_u:object_r:etc_t:s0"
    assert files.difference(wanted, files.look(wanted)) is None


def test_the_type_is_there_before_the_file_is(policy, tmp_path):
    wanted = entry(tmp_path / "vault.hcl")
    policy.denied = True
    with pytest.raises(Problem, match=rf"restorecon -v {wanted.path}"):
        files.put(wanted)
    assert os.listdir(tmp_path) == []


def test_a_type_that_drifted_is_a_difference_and_the_diff_says_which(policy, tmp_path):
    wanted = entry(tmp_path / "vault.hcl")
    files.put(wanted)
    policy.lsetfilecon(wanted.path, HOME)
    diff = files.difference(wanted, files.look(wanted))
    assert diff["before_header"].endswith("0640 user_home_t")
    assert diff["after_header"].endswith("0640 etc_t")
    assert diff["before"] != diff["after"]


def test_a_type_that_drifted_is_set_and_the_file_keeps_its_time(policy, tmp_path):
    """A newer time would have the running process restarted."""
    wanted = entry(tmp_path / "vault.hcl")
    files.put(wanted)
    policy.lsetfilecon(wanted.path, HOME)
    os.utime(wanted.path, (1000, 1000))
    files.put(wanted)
    assert type_at(wanted.path, policy) == "unconfined_u:object_r:etc_t:s0"
    assert os.lstat(wanted.path).st_mtime == 1000


def test_the_look_at_a_node_finds_it_too(policy, tmp_path):
    wanted = entry(tmp_path / "vault.hcl")
    files.put(wanted)
    assert in_line.paths({"paths": managed.look_at([wanted.path])}, [wanted]) == []
    policy.lsetfilecon(wanted.path, HOME)
    assert in_line.paths({"paths": managed.look_at([wanted.path])}, [wanted]) == [wanted.path]


def test_who_put_a_file_there_is_no_difference(policy, tmp_path):
    wanted = entry(tmp_path / "vault.hcl")
    files.put(wanted)
    policy.lsetfilecon(wanted.path, "staff_u:object_r:etc_t:s0:c1")
    assert files.difference(wanted, files.look(wanted)) is None


def test_what_the_policy_says_nothing_of_keeps_what_it_has(policy, tmp_path):
    wanted = entry(tmp_path / "other")
    files.put(wanted)
    assert type_at(wanted.path, policy) == HOME
    assert files.difference(wanted, files.look(wanted)) is None


def test_where_a_file_system_keeps_no_types_there_is_nothing_to_mend(policy, tmp_path, monkeypatch):
    monkeypatch.setattr(selinux, "labelled", lambda _text, _place: False)
    policy.denied = True
    wanted = entry(tmp_path / "vault.hcl")
    files.put(wanted)
    assert files.difference(wanted, files.look(wanted)) is None


def test_a_release_that_systemd_may_not_execute_is_mended(policy, tmp_path):
    binary = tmp_path / "vault"
    binary.write_text("")
    binary.chmod(0o755)
    policy.policy[str(binary)] = "usr_t"
    assert guard.to_mend([str(binary)]) == {
        str(binary): "has the SELinux type user_home_t, and the policy says usr_t",
    }
    guard.mend([str(binary)])
    assert guard.to_mend([str(binary)]) == {}


MOUNTS = """\
22 1 259:1 / / rw,relatime shared:1 - xfs /dev/nvme0n1p1 rw,seclabel,attr2
40 22 259:3 / /opt/vault/data rw,relatime shared:9 - ext4 /dev/nvme1n1 rw,seclabel
41 22 259:4 / /mnt/with\\040space rw - ext4 /dev/nvme2n1 rw,context=system_u:object_r:var_log_t:s0
42 22 0:45 / /srv rw - nfs4 10.0.0.1:/srv rw,vers=4.2
43 42 259:5 / /srv rw - ext4 /dev/nvme3n1 rw,seclabel
"""


@pytest.mark.parametrize(
    ("place", "keeps"),
    [("/", True), ("/opt/vault/data", True), ("/mnt/with space", False), ("/srv", True), ("/nowhere", False)],
)
def test_which_file_systems_keep_types(place, keeps):
    assert selinux.labelled(MOUNTS, place) is keeps


def test_the_modes(policy, monkeypatch):
    assert selinux.mode() == "enforcing"
    policy.enforcing = 0
    assert selinux.mode() == "permissive"
    monkeypatch.setattr(selinux, "library", None)
    assert selinux.mode() == "disabled"
