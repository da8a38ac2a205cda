# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values over time as lines and dots, and the ticks of their axes. Pure."""

from __future__ import annotations

import datetime
import math
import typing as t

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HOUR, DAY = 3600, 86400
TIME_STEPS = [hours * HOUR for hours in (1, 2, 3, 6, 12)] + [
    days * DAY for days in (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730)
]
WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 46, WIDTH - 14, 34, HEIGHT - 44
MOST_BIG_DOTS = 60

Point = tuple[float, float]


class Tick(t.NamedTuple):
    at: float
    label: str


class Dot(t.NamedTuple):
    x: float
    y: float
    said: str  # to who points at it


class Plot(t.NamedTuple):
    """In the units of the drawing. Everything is between left and right, top and bottom."""

    title: str
    unit: str
    values: list[Tick]  # from 0 up
    times: list[Tick]
    curve: list[Point]
    dots: list[Dot]
    radius: float
    limit: Tick | None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


class Figure(t.NamedTuple):
    title: str
    caption: str
    plot: Plot


def draw(
    title: str,
    unit: str,
    curve: t.Sequence[Point],
    said: t.Sequence[str] = (),
    limit: tuple[float, str] | None = None,
) -> Plot:
    """*curve*: values in *unit* over seconds since 1970. *said*: of each of its points, which is a dot then."""
    begin, end = min(when for when, _value in curve), max(when for when, _value in curve)
    margin = max((end - begin) * 0.02, HOUR / 2)
    begin, end = begin - margin, end + margin
    ticks = value_ticks(max([value for _when, value in curve] + ([limit[0]] if limit else [])))

    def x(when: float) -> float:
        return round(LEFT + (when - begin) / (end - begin) * (RIGHT - LEFT), 1)

    def y(value: float) -> float:
        return round(BOTTOM - value / ticks[-1] * (BOTTOM - TOP), 1)

    points = [(x(when), y(value)) for when, value in curve]
    return Plot(
        title=title,
        unit=unit,
        values=[Tick(y(tick), f"{tick:g}") for tick in ticks],
        times=[Tick(x(when), label) for when, label in time_ticks(begin, end)],
        curve=points,
        dots=[Dot(*point, text) for point, text in zip(points, said, strict=True)] if said else [],
        radius=3.0 if len(points) <= MOST_BIG_DOTS else 1.8,
        limit=Tick(y(limit[0]), limit[1]) if limit else None,
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
