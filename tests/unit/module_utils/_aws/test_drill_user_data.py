"""What the machine of a drill runs when it boots first: it ends itself, whatever else its user data is."""

from __future__ import annotations

import os
import subprocess
from email import message_from_string

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import drill_user_data
from kit.paths import ROOT

IN_PARTS = """\
Content-Type: multipart/mixed; boundary="X"
MIME-Version: 1.0

--X
Content-Type: text/cloud-config

#cloud-config
packages: [jq]
--X
Content-Type: text/x-shellscript

#!/bin/sh
true
--X--
"""
FIRST_BOOT = (ROOT / "roles/vault_ec2/files/first_boot.sh").read_text()


def parts(own: str, minutes: int = 180) -> list[tuple[str, str]]:
    message = message_from_string(drill_user_data.make(own, minutes))
    leaves = [part for part in message.walk() if not part.is_multipart()]
    return [(part.get_content_type(), part.get_payload(decode=True).decode()) for part in leaves]


@pytest.mark.parametrize(
    "own",
    [
        FIRST_BOOT,
        "#cloud-config\npackages: [jq]\n",
        "#!/usr/bin/env python3\nprint('é')\n",
        "#!/bin/sh\nFrom x\n--X--\n",
    ],
    ids=["the collection's", "cloud-init's configuration", "not in ASCII", "what looks like a mail"],
)
def test_what_is_given_is_a_part_of_its_own_without_a_change(own):
    timer, given = parts(own)
    # A kind that makes cloud-init look at the first line.
    assert given == ("text/plain", own)
    assert timer[0] == "text/x-shellscript"


@pytest.mark.parametrize("own", ["", "\n"])
def test_without_user_data_there_is_the_timer_alone(own):
    assert [kind for kind, _text in parts(own)] == ["text/x-shellscript"]


def test_parts_that_are_given_stay_parts():
    (_timer, _text), config, script = parts(IN_PARTS)
    assert config == ("text/cloud-config", "#cloud-config\npackages: [jq]")
    assert script == ("text/x-shellscript", "#!/bin/sh\ntrue")


def test_the_same_is_written_the_same():
    assert drill_user_data.make(FIRST_BOOT, 180) == drill_user_data.make(FIRST_BOOT, 180)


def test_the_timer_powers_the_machine_off(tmp_path):
    (_kind, text), _own = parts(FIRST_BOOT, 75)
    script, said = tmp_path / "end.sh", tmp_path / "said"
    script.write_text(text)
    for name in ("systemd-run", "systemctl"):
        (tmp_path / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "${{0##*/}}" "$@" >{said}\n')
        (tmp_path / name).chmod(0o755)
    subprocess.run(["sh", script], check=True, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    run, *options, command, action = said.read_text().split()
    assert (run, command, action) == ("systemd-run", str(tmp_path / "systemctl"), "poweroff")
    assert "--on-active=75min" in options


def test_a_machine_that_can_not_set_the_timer_says_so(tmp_path):
    (_kind, text), _own = parts(FIRST_BOOT)
    (tmp_path / "systemd-run").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "systemd-run").chmod(0o755)
    done = subprocess.run(["sh", "-c", text], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False)
    assert done.returncode == 1
