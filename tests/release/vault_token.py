"""For detect-secrets, which knows no tokens of Vault: service, batch and recovery tokens since Vault 1.10."""

from __future__ import annotations

import re

from detect_secrets.plugins.base import RegexBasedDetector


class VaultTokenDetector(RegexBasedDetector):
    secret_type = "Vault Token"
    denylist = (re.compile(r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),)
