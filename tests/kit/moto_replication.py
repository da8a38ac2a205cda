"""moto with what it lacks of more than one region, for servers of this process."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from labkit import moto_regions


@contextlib.contextmanager
def whole() -> t.Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for where, name, replacement in moto_regions.replacements():
            patch.setattr(where, name, replacement)
        yield
