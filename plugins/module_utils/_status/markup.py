# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""HTML and SVG in which nothing that somebody named can become an element. Pure."""

from __future__ import annotations

import html
import typing as t

VOID = ("br", "link", "meta")


class Safe(str):
    """What is markup already. Any other text is escaped where it is put in."""


def tag(name: str, /, *children: str, **attributes: t.Any) -> Safe:
    """An element. class_ is class, stroke_width is stroke-width, and an attribute that is None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Safe(f"<{name}{given}>")
    return Safe(f"<{name}{given}>{joined(children)}</{name}>")


def joined(children: t.Iterable[str]) -> Safe:
    return Safe("".join(child if isinstance(child, Safe) else html.escape(child) for child in children))


def _plain(value: t.Any) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
