# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Icons and plots. Pure.

Colours come from the page's style, so that they follow its light or dark. A level has a shape of its own besides.
"""

from __future__ import annotations

import datetime
import math
import typing as t

from .markup import Safe, joined, tag

WORDS = {"ok": "good", "problem": "problem", "notice": "notice", "unknown": "unknown"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOUR, DAY = 3600, 86400
TIME_STEPS = [hours * HOUR for hours in (1, 2, 3, 6, 12)] + [
    days * DAY for days in (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730)
]
WIDTH, HEIGHT = 440, 250
BOX = f"0 0 {WIDTH} {HEIGHT}"
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 34, 44

Point = tuple[float, float]


def icon_at(level: str, x: float, y: float, size: float = 16) -> Safe:
    """Its centre at *x*, *y*."""
    shapes = {
        "ok": (
            tag("circle", cx=0, cy=0, r=7, class_="fill"),
            tag("path", d="M-3.2 0.2 L-0.9 2.6 L3.4 -2.4", class_="cut"),
        ),
        "problem": (
            tag("rect", x=-6.5, y=-6.5, width=13, height=13, rx=2, class_="fill"),
            tag("path", d="M-2.9 -2.9 L2.9 2.9 M2.9 -2.9 L-2.9 2.9", class_="cut"),
        ),
        "notice": (
            tag("path", d="M0 -7.2 L7.6 6.4 L-7.6 6.4 Z", class_="fill"),
            tag("path", d="M0 -2.6 L0 1.8 M0 4 L0 4.3", class_="cut"),
        ),
        "unknown": (
            tag("circle", cx=0, cy=0, r=6.3, class_="ring"),
            tag("path", d="M-2 -1.6 C-2 -4.4 2.2 -4.2 2.1 -1.7 C2 -0.3 0 -0.2 0 1.4 M0 3.3 L0 3.6", class_="stroke"),
        ),
    }
    place = f"translate({x:g} {y:g}) scale({size / 16:g})"
    return tag("g", *shapes[level], class_=f"icon {level}", transform=place)


def icon(level: str) -> Safe:
    """On its own, in a line of text."""
    drawn = icon_at(level, 8, 8)
    return tag(
        "svg", drawn, class_="inline", viewBox="0 0 16 16", width=16, height=16, role="img", aria_label=WORDS[level]
    )


def text(x: float, y: float, words: str, class_: str, most: int = 0, anchor: str | None = None) -> Safe:
    """One line; longer than *most* characters it is cut, and whole where one points at it."""
    if most and len(words) > most:
        return tag("text", tag("title", words), words[: most - 1] + "…", x=x, y=y, class_=class_, text_anchor=anchor)
    return tag("text", words, x=x, y=y, class_=class_, text_anchor=anchor)


def plot(
    title: str,
    unit: str,
    curve: t.Sequence[Point],
    dots: t.Sequence[tuple[float, float, str]] = (),
    limit: tuple[float, str] | None = None,
) -> Safe:
    """Values in *unit* from 0 up, over seconds since 1970. A dot has a text for who points at it."""
    values = [value for _, value in curve] + ([limit[0]] if limit else [])
    begin, end = min(when for when, _ in curve), max(when for when, _ in curve)
    margin = max((end - begin) * 0.02, HOUR / 2)
    begin, end = begin - margin, end + margin
    ticks = value_ticks(max(values))
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(when: float) -> float:
        return LEFT + (when - begin) / (end - begin) * across

    def y(value: float) -> float:
        return TOP + up - value / ticks[-1] * up

    grid = [
        part
        for tick in ticks
        for part in (
            tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(tick), y2=y(tick), class_="grid" if tick else "axis"),
            text(LEFT - 8, y(tick) + 4, f"{tick:g}", "tick", anchor="end"),
        )
    ]
    for when, label in time_ticks(begin, end):
        grid.append(tag("line", x1=x(when), x2=x(when), y1=TOP + up, y2=TOP + up + 5, class_="axis"))
        grid.append(text(min(x(when), WIDTH - 22.0), TOP + up + 19, label, "tick", anchor="middle"))
    line = " ".join(f"{x(when):.1f},{y(value):.1f}" for when, value in curve)
    area = f"{x(curve[0][0]):.1f},{y(0):.1f} {line} {x(curve[-1][0]):.1f},{y(0):.1f}"
    drawn = [tag("polygon", points=area, class_="area"), tag("polyline", points=line, class_="curve")]
    radius = 3.0 if len(dots) <= 60 else 1.8
    drawn += [
        tag("circle", tag("title", said), cx=x(at), cy=y(value), r=radius, class_="dot") for at, value, said in dots
    ]
    if limit:
        drawn.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y(limit[0]), y2=y(limit[0]), class_="limit"))
        drawn.append(text(WIDTH - RIGHT, y(limit[0]) - 6, limit[1], "limit-label", anchor="end"))
    titles = (text(0, 15, unit, "unit"), text(WIDTH - RIGHT, HEIGHT - 5, "time (UTC)", "unit", anchor="end"))
    return tag(
        "svg",
        joined([*titles, *grid, *drawn]),
        class_="plot",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
    )


def value_ticks(biggest: float) -> list[float]:
    """From 0 to above *biggest*, in four to six round steps."""
    rough = (biggest or 1.0) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [round(step * number, 10) for number in range(math.floor((biggest or 1.0) / step + 1e-9) + 2)]


def time_ticks(begin: float, end: float) -> list[tuple[float, str]]:
    step = next((step for step in TIME_STEPS if (end - begin) / step <= 6), TIME_STEPS[-1])
    first = math.ceil(begin / step) * step
    return [(float(when), _label(when, step)) for when in range(int(first), int(end) + 1, step)]


def _label(when: float, step: float) -> str:
    moment = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    if step < DAY and moment.hour:
        return f"{moment:%H:%M}"
    month = MONTHS[moment.month - 1]
    return f"{month} {moment.year}" if step >= 60 * DAY else f"{moment.day} {month}"
