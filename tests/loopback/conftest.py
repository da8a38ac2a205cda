"""Tests that need no lab: processes of this machine, and an AWS on loopback."""

from kit.fixtures import _models, _moto, aws, certificates, run_module, stage, stand_in

__all__ = ["_models", "_moto", "aws", "certificates", "run_module", "stage", "stand_in"]
