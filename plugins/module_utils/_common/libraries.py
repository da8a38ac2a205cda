# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Libraries of which a module says that they are missing. What imports them can be imported without them."""

from __future__ import annotations

import importlib
import traceback
import typing as t

try:
    importlib.import_module("cryptography")
    CRYPTOGRAPHY: dict[str, t.Optional[str]] = {"cryptography": None}  # noqa: UP045  evaluated, as in module.py
except ImportError:
    CRYPTOGRAPHY = {"cryptography": traceback.format_exc()}
