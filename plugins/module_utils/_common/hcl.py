# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The first version of HCL, as Vault reads policies and configuration: which settings there are, and which are set twice. Pure.

It follows hashicorp/hcl v1.0.1-vault-7 (hcl/scanner, hcl/parser), the reader of Vault from 1.21 on, where two things are easily
missed: names are compared as they are written, so name and "name" are two; and JSON may set a name twice.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field

from .errors import Problem

DEEPEST = 100  # braces and brackets within each other

Value = t.Union[str, "Block", "list[Value]"]  # noqa: UP007  evaluated


@dataclass
class Item:
    """capabilities = [...], or path "a" {...}."""

    keys: list[str]  # as they are written, with their quotes
    assigned: bool  # by =
    line: int
    value: Value

    @property
    def names(self) -> list[str]:
        return [unquoted(key) for key in self.keys]


@dataclass
class Block:
    items: list[Item] = field(default_factory=list)


class Twice(t.NamedTuple):
    name: str
    line: int


class Token(t.NamedTuple):
    kind: str
    text: str
    line: int


_PARTS = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<comment>\#[^\n]*|//[^\n]*|/\*.*?\*/)
    |(?P<name>[^\W\d][\w.-]*)
    |(?P<number>-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d*)?)|\.\d+(?:[eE][+-]?\d*)?)
    |(?P<mark>[\[\]{},=])
    |(?P<heredoc><<-?\w+\r?\n)""",
    re.VERBOSE | re.DOTALL,
)


def is_json(text: str) -> bool:
    """Vault takes for JSON whatever begins with a brace, and never asks the file's name."""
    return text.lstrip().startswith("{")


def duplicates(text: str) -> list[Twice]:
    """Names that are set twice in one block, for which Vault refuses the whole text from 1.21 on."""
    return [] if is_json(text) else twice(parse(text))


def twice(block: Block) -> list[Twice]:
    found: list[Twice] = []
    seen: set[str] = set()
    for item in block.items:
        if item.assigned:
            found += [Twice(unquoted(key), item.line) for key in item.keys if key in seen]
            seen.update(item.keys)
        found += _inside(item.value)
    return found


def _inside(value: Value) -> list[Twice]:
    if isinstance(value, Block):
        return twice(value)
    return [one for part in value for one in _inside(part)] if isinstance(value, list) else []


def top_names(text: str) -> list[str]:
    """Names of the settings and blocks that are not inside another one."""
    if is_json(text):
        return [unquoted(str(key)) for key, _value in _pairs_of(text)]
    return [item.names[0] for item in parse(text).items]


def labelled(text: str, name: str) -> dict[str, list[str]]:
    """Of blocks that have a label, such as path "a" {...}: label -> the names that are set inside."""
    if is_json(text):
        return _labelled_in_json(text, name)
    found: dict[str, list[str]] = {}
    for item in parse(text).items:
        if item.names[0] != name or not isinstance(item.value, Block):
            continue
        inside = {item.names[1]: item.value} if len(item.keys) > 1 else _blocks(item.value)
        for label, block in inside.items():
            found.setdefault(label, []).extend(one.names[0] for one in block.items)
    return found


def _blocks(block: Block) -> dict[str, Block]:
    return {item.names[0]: item.value for item in block.items if isinstance(item.value, Block)}


def _labelled_in_json(text: str, name: str) -> dict[str, list[str]]:
    """There, several blocks may be a list of objects."""
    found: dict[str, list[str]] = {}
    for key, value in _pairs_of(text):
        for part in value if isinstance(value, list) and not _is_object(value) else [value]:
            if key == name and _is_object(part):
                for label, inside in part:
                    found.setdefault(label, []).extend(one for one, _value in inside if _is_object(inside))
    return found


class _Object(list):  # type: ignore[type-arg]
    """The pairs of an object in JSON, where a name may come twice."""


def _is_object(value: t.Any) -> bool:
    return isinstance(value, _Object)


def _pairs_of(text: str) -> t.Any:
    try:
        found = json.loads(text, object_pairs_hook=_Object)
    except (ValueError, RecursionError) as error:
        raise unreadable(getattr(error, "lineno", 1), "it begins as JSON, and is none") from error
    return found if _is_object(found) else []


def unquoted(key: str) -> str:
    return key[1:-1] if key.startswith('"') else key


def unreadable(line: int, why: str) -> Problem:
    return Problem(f"line {line}: {why}", "Vault would refuse it as well; if Vault does take it, this is a fault here.")


def parse(text: str) -> Block:
    return _Parser(text.replace("\r\n", "\n")).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.now = next(self.tokens)
        self.depth = 0

    def whole(self) -> Block:
        block = self.block("end")
        self.take("end")
        return block

    def take(self, kind: str) -> Token:
        token = self.now
        if token.kind != kind:
            raise unreadable(token.line, f"{_shown(kind)} expected, {_shown(token.kind)} found")
        self.now = next(self.tokens, token)
        return token

    def block(self, end: str) -> Block:
        """Items up to *end*; commas between them are allowed."""
        block = Block()
        while self.now.kind != end:
            block.items.append(self.item())
            if self.now.kind == ",":
                self.take(",")
        return block

    def item(self) -> Item:
        line = self.now.line
        keys = []
        while self.now.kind in ("name", "string"):
            keys.append(self.take(self.now.kind).text)
        if not keys or (self.now.kind == "=" and len(keys) > 1):
            raise unreadable(self.now.line, f"a name expected, {_shown(self.now.kind)} found")
        assigned = self.now.kind == "="
        if assigned:
            self.take("=")
        elif self.now.kind != "{":
            raise unreadable(self.now.line, f"= or {{ expected after {keys[-1]}, {_shown(self.now.kind)} found")
        return Item(keys, assigned, line, self.value())

    def value(self) -> Value:
        if self.now.kind in ("string", "number", "bool", "heredoc"):
            return self.take(self.now.kind).text
        self.depth += 1
        if self.depth > DEEPEST:
            raise unreadable(self.now.line, f"more than {DEEPEST} blocks or lists within each other")
        found: Value
        if self.now.kind == "[":
            found = self.list()
        else:
            self.take("{")
            found = self.block("}")
            self.take("}")
        self.depth -= 1
        return found

    def list(self) -> list[Value]:
        self.take("[")
        found: list[Value] = []
        while self.now.kind != "]":
            if self.now.kind == ",":
                self.take(",")
            else:
                found.append(self.value())
        self.take("]")
        return found


def _shown(kind: str) -> str:
    return {"end": "the end", "name": "a name"}.get(kind, kind)


def tokens(text: str) -> t.Iterator[Token]:
    """Without space and comments."""
    at, line = 0, 1
    while at < len(text):
        if text[at] == '"':
            kind, end = "string", _end_of_string(text, at, line)
        else:
            match = _PARTS.match(text, at)
            if match is None:
                raise unreadable(line, f"nothing of HCL begins with {text[at]!r}")
            kind, end = str(match.lastgroup), match.end()
        if kind == "heredoc":
            end = _end_of_heredoc(text, at, end, line)
        word = text[at:end]
        if kind not in ("space", "comment"):
            if word in ("true", "false"):
                kind = "bool"
            yield Token(word if kind == "mark" else kind, word, line)
        line += word.count("\n")
        at = end
    yield Token("end", "", line)


def _end_of_string(text: str, start: int, line: int) -> int:
    """Within ${...} quotes and ends of lines are part of the string."""
    at, braces = start + 1, 0
    while at < len(text):
        here = text[at]
        if here == '"' and not braces:
            return at + 1
        if here == "\n" and not braces:
            break
        if text.startswith("${", at) and not braces:
            braces, at = 1, at + 1
        elif here == "{" and braces:
            braces += 1
        elif here == "}" and braces:
            braces -= 1
        elif here == "\\":
            at += 1
        at += 1
    raise unreadable(line, "a string that does not end")


def _end_of_heredoc(text: str, start: int, body: int, line: int) -> int:
    """Up to the line that is its name alone, and has an end itself."""
    name = text[start + 2 : body].strip().lstrip("-")
    match = re.compile(rf"^[ \t\v\f\r]*{re.escape(name)}\r*\n", re.MULTILINE).search(text, body)
    if match is None:
        raise unreadable(line, f"a text that does not end: there is no line {name}")
    return match.end()
