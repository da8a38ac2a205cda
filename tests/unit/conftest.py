"""Unit tests touch loopback only: AWS is a moto server on 127.0.0.1."""

from kit.fixtures import _moto, aws, certificates, run_module, stage

__all__ = ["_moto", "aws", "certificates", "run_module", "stage"]
