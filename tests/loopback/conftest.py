"""Tests that need no lab: processes of this machine, and an AWS on loopback."""

from __future__ import annotations

import logging
import typing as t

import pytest
from kit.fixtures import _moto, aws, certificates, run_module, stage

__all__ = ["_moto", "aws", "certificates", "run_module", "stage"]


@pytest.fixture(scope="module")
def stand_in() -> t.Iterator[str]:
    """URL of an AWS on loopback, for tests that need no machines."""
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        # Its log of each request would bury what a failed test has to say.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()
