"""A cluster that holds nothing which a newer Vault would take in another way, as the modules tell of it."""

from __future__ import annotations

NOTHING: dict = {"policies": {}, "audit": {}, "mounts": [], "plugins": [], "missing": []}
NODE: dict = {"switches": [], "duplicates": [], "unreadable": []}
