# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the pages are put together from. Pure."""

from __future__ import annotations

import typing as t

from .markup import Safe, joined, tag
from .page_style import STYLE
from .svg import icon

# The page loads nothing, and a browser that sees this sees to it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def whole(title: str, *children: str) -> str:
    """A page that needs nothing besides itself."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Safe(STYLE)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', tag('main', *children)), lang='en')}\n"


def header(title: str, level: str, state: str, about: str) -> Safe:
    badge = tag("span", icon(level), state, class_=f"state {level}")
    return tag("header", tag("div", tag("h1", title), badge, class_="title"), tag("p", about, class_="soft"))


def level_of(good: t.Any, otherwise: str = "problem") -> str:
    return "unknown" if good is None else "ok" if good else otherwise


def tiles(shown: t.Iterable[tuple[str, str, str]]) -> Safe:
    """*shown* is name, level and value of each."""
    rows = [tag("div", tag("dt", name), tag("dd", icon(level), said)) for name, level, said in shown]
    return tag("dl", *rows, class_="tiles" if len(rows) > 3 else "tiles few")


def facts(known: t.Iterable[tuple[str, str]]) -> Safe:
    """Those that are empty are left out."""
    return tag("dl", *(joined((tag("dt", name), tag("dd", value))) for name, value in known if value), class_="facts")


def section(title: str, *children: str) -> Safe:
    return tag("section", tag("h2", title), *children)


def cell(label: str, *children: str, class_: str | None = None) -> Safe:
    return tag("td", tag("span", *children), data_label=label, class_=class_)


def table(titles: t.Sequence[str], rows: t.Sequence[Safe]) -> Safe:
    """A title that begins with # is of a column of numbers."""
    heads = (
        tag("th", title.lstrip("#"), scope="col", class_="number" if title[0] == "#" else None) for title in titles
    )
    return tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows))


def figure(title: str, caption: str, drawn: Safe) -> Safe:
    return tag("figure", tag("h3", title), drawn, tag("figcaption", f"{caption}."))
