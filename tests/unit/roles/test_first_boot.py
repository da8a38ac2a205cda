"""What a new instance's first boot installs, by stand-ins for the programs of a Debian, an Ubuntu and an Amazon Linux."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import endpoints
from kit.paths import ROOT

SCRIPT = ROOT / "roles/vault_ec2/files/first_boot.sh"
COMMON = ("python3", "logrotate", "tar", "nft", "curl")
DEBIAN = (*COMMON, "gpgv", "apt-get", "dpkg", "systemd-run")
AMAZON = (*COMMON, "gpg", "dnf")
# What the script itself is made of.
SHELL = ("sh", "mktemp", "rm")
TELL = 'echo "${0##*/} $*" >>"$TOLD"\n'
UNITS = {"amazon": "amazon-ssm-agent.service", "snap": "snap.amazon-ssm-agent.amazon-ssm-agent.service"}


@pytest.fixture
def boot(tmp_path):
    def run(has, agent="no", region="eu-central-1", unit=""):
        folder, told = tmp_path / "bin", tmp_path / "told"
        folder.mkdir()
        told.touch()
        for name in SHELL:
            (folder / name).symlink_to(shutil.which(name))
        scripts = {name: TELL for name in has}
        scripts["dpkg"] = "case $1 in --print-architecture) echo arm64; exit 0 ;; esac\n" + TELL
        scripts["systemctl"] = f'case $1 in cat) [ "$2" = "{unit}" ]; exit ;; esac\n' + TELL
        for name, script in scripts.items():
            (folder / name).write_text(f"#!{folder}/sh\n{script}")
            (folder / name).chmod(0o755)
        text = f"#!/bin/sh\nagent={agent}\nregion={region}\ns3={endpoints.url('s3', region)}\n{SCRIPT.read_text()}"
        done = subprocess.run(
            [str(folder / "sh"), "-c", text],
            env={"PATH": str(folder), "TOLD": str(told), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done, told.read_text().splitlines()

    return run


@pytest.mark.parametrize("has", [DEBIAN, AMAZON, COMMON])
def test_where_nothing_is_missing_nothing_is_done(boot, has):
    done, told = boot(has)
    assert (done.returncode, told, done.stderr) == (0, [], "")


def test_what_a_debian_lacks_is_installed_once_its_own_update_has_ended(boot):
    done, told = boot([name for name in DEBIAN if name not in ("logrotate", "gpgv", "nft")])
    assert done.returncode == 0, done.stderr
    waits, update, install = told
    assert waits.startswith("systemd-run") and "After=apt-daily.service apt-daily-upgrade.service" in waits
    assert update.endswith(" update")
    assert install.endswith(" install logrotate nftables gpgv")


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("eu-central-1", "https://s3.eu-central-1.amazonaws.com/amazon-ssm-eu-central-1/latest/debian_arm64/"),
        ("eusc-de-east-1", "https://s3.eusc-de-east-1.amazonaws.eu/amazon-ssm-eusc-de-east-1/latest/debian_arm64/"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn/amazon-ssm-cn-north-1/latest/debian_arm64/"),
    ],
)
def test_a_debian_gets_the_agent_from_its_own_region(boot, tmp_path, region, place):
    done, told = boot(DEBIAN, agent="yes", region=region)
    assert done.returncode == 0, done.stderr
    fetched, installed, enabled = told
    assert fetched.endswith(f" {place}amazon-ssm-agent.deb")
    assert installed.startswith("dpkg --install ")
    assert enabled == "systemctl enable --now amazon-ssm-agent.service"
    assert not list(tmp_path.glob("tmp.*"))


@pytest.mark.parametrize("unit", UNITS.values())
def test_an_agent_that_is_there_stays(boot, unit):
    assert boot(DEBIAN, agent="yes", unit=unit)[1] == []


def test_an_amazon_linux_gets_what_it_lacks_and_its_own_agent(boot):
    done, told = boot([name for name in AMAZON if name != "logrotate"], agent="yes")
    assert done.returncode == 0, done.stderr
    assert told == [
        "dnf --assumeyes --setopt=retries=5 install logrotate amazon-ssm-agent",
        "systemctl enable --now amazon-ssm-agent.service",
    ]


def test_a_failed_installation_fails_the_boot(boot):
    """cloud-init's status is what tells the controller."""
    done, _told = boot([name for name in (*DEBIAN[:-1],) if name != "tar"])
    assert done.returncode != 0


def test_another_distribution_is_told_what_it_lacks(boot):
    done, _told = boot([name for name in COMMON if name != "logrotate"])
    assert done.returncode == 1
    assert "neither apt-get nor dnf is here, and this lacks: logrotate. Set vault_ec2_user_data" in done.stderr


def test_another_distribution_is_told_what_sessions_need_as_well(boot):
    done, _told = boot([name for name in COMMON if name != "curl"], agent="yes")
    assert done.returncode == 1
    assert "this lacks: curl amazon-ssm-agent. Set vault_ec2_user_data" in done.stderr


@pytest.mark.parametrize(("has", "agent"), [(COMMON, "yes"), ([name for name in COMMON if name != "curl"], "no")])
def test_what_another_distribution_has_or_needs_not_is_no_error(boot, has, agent):
    done, told = boot(has, agent=agent, unit=UNITS["amazon"])
    assert (done.returncode, told, done.stderr) == (0, [], "")
