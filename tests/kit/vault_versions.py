"""As which versions of Vault the stand-ins speak. docs/versions.md shows the list, and every test that takes it runs as each."""

from __future__ import annotations

import json

from kit.paths import ROOT

STAND_IN: list[str] = json.loads((ROOT / "tests" / "versions" / "stand_in.json").read_text())
# From 2.0 on a token is wanted for recovery keys and root tokens.
GUARDED = [version for version in STAND_IN if int(version.partition(".")[0]) >= 2]
