# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pages as HTML, from the templates beside this file. What somebody named is text in them, and never an element."""

from __future__ import annotations

import functools
import pathlib
import typing as t

from .._common import words
from .._snapshot import taken_by
from . import drill_page, levels, overview, page, picture, probe
from .limits import Limits

TEMPLATES = pathlib.Path(__file__).parent / "templates"
FILTERS: dict[str, t.Callable[..., str | None]] = {
    "ago": words.ago,
    "duration": drill_page.duration,
    "level": levels.of_node,
    "many": words.many,
    "probe": probe.line,
    "release": taken_by.release,
    "rotation": overview.rotation,
    "sentence": words.sentence,
    "size": words.size,
    "state": levels.words_of,
    "time": words.time,
    "voice": picture.voice,
}


def status(document: t.Mapping[str, t.Any]) -> str:
    """*document*: what document.document() returns."""
    return _environment().get_template("status.html.j2").render({**document, **page.view(document)})


def drills(name: str, found: t.Sequence[t.Mapping[str, t.Any]], late: Limits | None = None) -> str:
    """*name*: of the cluster; *found*: what drill.read() returns, at least one."""
    return _environment().get_template("drills.html.j2").render(drill_page.view(name, found, late))


@functools.cache
def _environment() -> t.Any:
    # Ansible has it, on the controller. Of module_utils, sanity imports every file where only modules' libraries are.
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(FILTERS)
    return made


def _finalize(value: t.Any) -> t.Any:
    """What could not be read is None all over the document."""
    if isinstance(value, float):
        return f"{value:g}"
    return "unknown" if value is None else value
