"""The lab that scenarios work on."""

from __future__ import annotations

import typing as t

import pytest
from kit.bench import Bench
from kit.fixtures import stand_in

__all__ = ["fresh_lab", "stand_in"]


@pytest.fixture(scope="session")
def fresh_lab(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Bench]:
    """The test lab, made anew and removed at the end."""
    bench = Bench(tmp_path_factory.mktemp("faults"))
    bench.lab_command("down")
    bench.lab_command("up")
    bench.require_network()
    yield bench
    bench.lab_command("down")
