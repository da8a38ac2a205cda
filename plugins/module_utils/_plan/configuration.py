# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of Vault's configuration, as Vault itself reads them, as settings by name. Pure.

Vault reads HCL 1, and the library reads HCL 2. They differ in how names and blocks may be written, and in nothing else that a
configuration has, so the text is put into the form that both know.
"""

from __future__ import annotations

import json
import re
import typing as t

from .._common import hcl
from .._common.errors import Problem

# What HCL 1 consists of.
_TOKEN = re.compile(
    r"""
    (?P<comment> \#[^\n]* | //[^\n]* | /\*.*?\*/ )
  | (?P<heredoc> <<-?(?P<end>\w+)[^\n]*\n (?:.*?\n)?? [ \t]*(?P=end) (?=\s|\Z) )
  | (?P<string> "(?:\\.|[^"\\\n])*" )
  | (?P<word> [\w.+-]+ )
  | (?P<space> \s+ )
  | (?P<sign> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BARE = re.compile(r"true|false|-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
# A name that HCL 2 would not take without quotes, such as 2xx or Strict-Transport-Security, in letters that it takes.
_CODED = "_name_"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
# What the library adds of its own.
_MARKS = ("__is_block__", "__comments__")


class Held(t.NamedTuple):
    """A setting that a file has."""

    keys: tuple[str, ...]  # such as listener, tcp, address
    value: t.Any
    path: str

    @property
    def name(self) -> str:
        return ".".join(self.keys)


def held(path: str, text: str) -> list[Held]:
    """Every setting of a file. One that can't be read as a configuration is a ValueError."""
    tree = json.loads(text, object_pairs_hook=_all_of_them) if hcl.is_json(text) else _hcl(text)
    return [Held(_usual(keys), value, path) for keys, value in _flat((), tree)]


def _all_of_them(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    """To Vault a name that JSON has twice is two blocks, and to the library the last one alone."""
    given: dict[str, list[t.Any]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in given.items()}


def _usual(keys: tuple[str, ...]) -> tuple[str, ...]:
    first = {"backend": "storage", "ha_backend": "ha_storage"}.get(keys[0], keys[0])
    return (first, *keys[1:])


def _flat(keys: tuple[str, ...], value: t.Any) -> t.Iterator[tuple[tuple[str, ...], t.Any]]:
    if isinstance(value, dict):
        if keys and not value:
            yield keys, True  # a block that is there, and says nothing more
        for name, item in value.items():
            yield from _flat((*keys, name), item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from _flat(keys, item)
    elif not keys:
        raise ValueError("not a table of settings")
    else:
        yield keys, value


# --- HCL


def _hcl(text: str) -> t.Any:
    # Slow to load, and needed where somebody else's files are.
    try:
        import hcl2
        from lark.exceptions import LarkError
    except ImportError as error:
        raise Problem(
            f"The configuration that somebody else made can't be read without a library ({error.name or error})",
            "Install python-hcl2 on the controller, with the Python that ansible-playbook runs with: "
            "pip install -r meta/requirements.txt of the collection.",
        ) from error

    try:
        return _plain(hcl2.loads(_as_hcl2(text)))
    except (LarkError, RecursionError) as error:
        raise ValueError("not HCL") from error


def _as_hcl2(text: str) -> str:
    made: list[str] = []
    opened: list[str] = []  # brackets and braces
    names = 0  # of the setting or block that begins
    value_follows = False
    for token in _TOKEN.finditer(text):
        kind, written = str(token.lastgroup), token.group()
        if kind == "end":
            kind = "heredoc"
        if kind in ("comment", "space"):
            made.append(" ")
            continue
        in_list = bool(opened) and opened[-1] == "["
        if kind != "sign":
            if value_follows or in_list:
                made.append(_value(kind, written, token))
                made.append("" if in_list else "\n")
                value_follows, names = False, names if in_list else 0
            else:
                made.append(_first(written) if names == 0 else f" {_quoted(written)}")
                names += 1
            continue
        if written == "=":
            # 'storage "raft" = {' is a block too.
            made.append("=" if names <= 1 else " ")
            value_follows = names <= 1
            continue
        if written in "[{":
            opened.append(written)
            value_follows, names = False, 0
            made.append("{\n" if written == "{" else "[")
        elif written in "]}":
            if opened:
                opened.pop()
            names = 0
            made.append(f"\n{written}" if written == "}" else written)
            made.append("" if opened and opened[-1] == "[" else "\n")
        elif written == ",":
            made.append("," if in_list else "\n")
        else:
            made.append(written)
    return "".join(made) + "\n"


def _value(kind: str, written: str, token: re.Match[str]) -> str:
    if kind == "heredoc":
        return json.dumps(_escaped(_body(written, token.group("end"))))
    # HCL 1 knows no templates: what looks like one is text.
    if kind == "string":
        return _escaped(written)
    return written if _BARE.fullmatch(written) else json.dumps(written)


def _escaped(text: str) -> str:
    return re.sub(r"\\.|[$%](?=\{)", lambda one: one[0] if len(one[0]) > 1 else f"\\u{ord(one[0]):04x}", text)


def _body(heredoc: str, end: str) -> str:
    lines = heredoc.split("\n")[1:-1]
    if heredoc.startswith("<<-"):
        depth = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        lines = [line[depth:] for line in lines]
    return "".join(f"{line}\n" for line in lines)


def _first(written: str) -> str:
    name = _text(written)
    return name if _NAME.fullmatch(name) and not name.startswith(_CODED) else f"{_CODED}{name.encode().hex()}"


def _quoted(written: str) -> str:
    return _escaped(written) if written.startswith('"') else json.dumps(written)


def _plain(value: t.Any) -> t.Any:
    """What the library made, with texts as they are meant."""
    if isinstance(value, dict):
        return {_key(name): _plain(item) for name, item in value.items() if name not in _MARKS}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _key(name: str) -> str:
    if name.startswith(_CODED):
        return bytes.fromhex(name[len(_CODED) :]).decode()
    return _text(name)


def _text(written: str) -> str:
    if len(written) < 2 or written[0] != '"' or written[-1] != '"':
        return written
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", lambda found: _meant(found[1]), written[1:-1])


def _meant(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _ESCAPES.get(escape, escape)
