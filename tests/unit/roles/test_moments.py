"""Moments that tasks take of the controller's clock: seconds since the epoch, in whichever time zone the controller is."""

from __future__ import annotations

import re
import time

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from kit.paths import ROOT
from kit.templates import trusted

MOMENT = re.compile(r"now\([^()]*\)\.timestamp\(\)")
TAKEN = sorted(
    (str(path.relative_to(ROOT)), found)
    for folder in ("roles", "playbooks")
    for path in (ROOT / folder).rglob("*.yml")
    for found in set(MOMENT.findall(path.read_text()))
)


@pytest.fixture(params=["UTC", "Europe/Berlin", "Pacific/Kiritimati"])
def somewhere(request, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(("path", "expression"), TAKEN)
@pytest.mark.usefixtures("somewhere")
def test_it_is_the_same_moment_in_every_time_zone(path, expression):
    taken = Templar(loader=DataLoader(), variables={}).template(trusted(f"{{{{ {expression} }}}}"))
    assert float(taken) == pytest.approx(time.time(), abs=60), path


def test_such_moments_are_found():
    assert "roles/vault_server/tasks/read.yml" in dict(TAKEN)
