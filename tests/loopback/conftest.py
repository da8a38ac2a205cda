"""Tests that need no lab: processes of this machine, and an AWS on loopback."""

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
    stand_in,
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
    "stand_in",
]
