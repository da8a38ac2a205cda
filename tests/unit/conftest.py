"""Unit tests touch loopback only: AWS is a moto server on 127.0.0.1."""

import gc

import pytest
import yaml
from hypothesis import HealthCheck, settings
from kit.fixtures import (
    _at_once,
    _models,
    _moto,
    _requests_that_aws_takes,
    _services,
    aws,
    certificates,
    run_module,
    stage,
)

__all__ = [
    "_at_once",
    "_models",
    "_moto",
    "_requests_that_aws_takes",
    "_services",
    "aws",
    "certificates",
    "run_module",
    "stage",
]

# By libyaml: what is read of roles and playbooks, by many tests once each, took a tenth of all their time.
yaml.SafeLoader = yaml.CSafeLoader  # type: ignore[assignment, misc]

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks an AWS takes long, and so do the identities: each login is a dozen calls."""
    for item in items:
        if "aws" in getattr(item, "fixturenames", ()) or item.path.parent.name == "identities":
            item.add_marker("long")


def pytest_collection_finish() -> None:
    """The tests themselves stay until the end: looking again and again for what of them could go took a tenth, too."""
    gc.collect()
    gc.freeze()
