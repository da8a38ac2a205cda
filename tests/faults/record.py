"""What was measured: a table for the terminal, JSON, a page with plots, and the table in docs/faults.md."""

from __future__ import annotations

import dataclasses
import html
import json
import typing as t
from pathlib import Path

from .fault import FAULTS, NOT_INJECTED
from .run import Row

WIDTH, HEIGHT = 600, 60
STYLE = "body{font:15px sans-serif;max-width:60em;margin:2em auto}svg{background:#f6f6f6;display:block}.bad{color:#b00}"


def line(row: Row) -> str:
    noticed = f"{row.noticed_seconds:5.1f} s" if row.noticed_seconds is not None else "      -"
    healed = f"{row.healed_seconds:5.1f} s" if row.healed_seconds is not None else "  never"
    verdict = "; ".join(row.problems) or "ok"
    return f"{row.name:42} gap {row.gap_seconds:5.2f} s  whole {healed}  said {noticed}  lost {row.lost}  {verdict}"


def write(rows: list[Row], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.json").write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    (folder / "faults.html").write_text(page(rows))


def read(folder: Path) -> list[Row]:
    """Of an earlier run, if there was one."""
    path = folder / "faults.json"
    return [Row(**row) for row in json.loads(path.read_text())] if path.exists() else []


def together(old: t.Iterable[Row], new: t.Iterable[Row]) -> list[Row]:
    """In the order of the list of faults; of each fault the row that was measured last."""
    rows = {row.name: row for row in (*old, *new)}
    return [rows[name] for name in FAULTS if name in rows]


def page(rows: list[Row]) -> str:
    parts = [f"<!doctype html><meta charset=utf-8><title>Faults</title><style>{STYLE}</style><h1>Faults</h1>"]
    parts.append("<p>Writes that were acknowledged in each half second. The fault lasts where the ground is dark.</p>")
    for row in rows:
        verdict = f"<p class=bad>{html.escape('; '.join(row.problems))}</p>" if row.problems else ""
        parts.append(
            f"<h2>{html.escape(FAULTS[row.name].sentence)}</h2><p>{html.escape(line(row))}</p>{verdict}{plot(row)}"
        )
    return "\n".join(parts)


def plot(row: Row) -> str:
    most, wide = max(row.acked or [1.0]) or 1.0, WIDTH / max(len(row.acked), 1)
    heights = [HEIGHT * count / most for count in row.acked]
    bars = "".join(
        f"<rect x='{at * wide:.1f}' y='{HEIGHT - high:.1f}' width='{wide:.1f}' height='{high:.1f}' fill='#37a'/>"
        for at, high in enumerate(heights)
    )
    start, end = row.begun * 2 * wide, max(row.over * 2 * wide, row.begun * 2 * wide + 1)
    ground = f"<rect x='{start:.1f}' y='0' width='{end - start:.1f}' height='{HEIGHT}' fill='#ddd'/>"
    return f"<svg width='{WIDTH}' height='{HEIGHT}' role='img'>{ground}{bars}</svg>"


def table(rows: list[Row]) -> str:
    lines = [
        "| fault | what happens by itself | what you do | nobody could write for | whole again after | `status.yml` said |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        fault = FAULTS[row.name]
        standing = f" Here: {fault.stand_in}." if fault.stand_in else ""
        healed = f"{row.healed_seconds:.0f} s" if row.healed_seconds is not None else "not by itself"
        said = (
            f"`{fault.says}` after {row.noticed_seconds:.0f} s"
            if fault.says and row.noticed_seconds is not None
            else "-"
        )
        lines.append(
            f"| {fault.sentence}{standing} | {fault.by_itself} | {fault.to_do} | {row.gap_seconds:.2f} s | {healed} | {said} |"
        )
    return "\n".join(lines)


def not_injected() -> str:
    return "\n".join(f"- {what} {why}" for what, why in NOT_INJECTED.values())
