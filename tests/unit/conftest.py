"""Unit tests touch loopback only: AWS is a moto server on 127.0.0.1."""

from hypothesis import HealthCheck, settings
from kit.fixtures import _at_once, _models, _moto, _services, aws, certificates, run_module, stage

__all__ = ["_at_once", "_models", "_moto", "_services", "aws", "certificates", "run_module", "stage"]

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
