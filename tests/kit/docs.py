"""The pages that people read: their links, their headings, and the commands that they show."""

from __future__ import annotations

import dataclasses
import functools
import re
import shlex
import typing as t
from pathlib import Path

from kit.paths import ROOT
from markdown_it import MarkdownIt
from markdown_it.token import Token

LAB = "inventories/lab"
# Between two commands of a line.
BETWEEN = ("&&", "||", ";", "|")


@dataclasses.dataclass(frozen=True)
class Block:
    """*language* as the fence says; an indented block has none."""

    page: Path
    line: int
    language: str
    text: str


@dataclasses.dataclass(frozen=True)
class Page:
    path: Path
    links: list[str]
    anchors: list[str]
    blocks: list[Block]
    code: list[str]  # what is written `so` in a sentence


def pages() -> list[Page]:
    found = sorted(ROOT.glob("*.md"))
    for folder in ("docs", "roles", "extensions", "tests"):
        found += sorted((ROOT / folder).rglob("*.md"))
    return [page(path) for path in found]


@functools.cache
def page(path: Path) -> Page:
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    inline = [child for token in tokens for child in token.children or []]
    return Page(
        path=path,
        links=[str(token.attrs["href"]) for token in inline if token.type == "link_open"],
        anchors=anchors(tokens),
        blocks=[
            Block(path, (token.map or [0])[0] + 1, token.info.strip(), token.content)
            for token in tokens
            if token.type in ("fence", "code_block")
        ],
        code=[token.content for token in inline if token.type == "code_inline"],
    )


def anchors(tokens: t.Sequence[Token]) -> list[str]:
    """As GitHub names them."""
    found: list[str] = []
    for before, token in zip(tokens, tokens[1:], strict=False):
        if before.type == "heading_open":
            words = "".join(child.content for child in token.children or [])
            found.append(re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-"))
    return found


def lines(block: Block) -> list[str]:
    """Of a block of commands, with what a backslash continues."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def commands(line: str) -> list[list[str]]:
    """The commands of a line, each as its words, without where its output goes and what it sets for itself."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    redirected = False
    for word in lexer:
        if word in BETWEEN:
            found.append([])
        elif redirected or set(word) <= {"<", ">"}:
            redirected = not redirected
        elif found[-1] or not re.match(r"[A-Z_]+=", word):
            found[-1].append(word)
    return [words for words in found if words]


def for_the_lab() -> list[Block]:
    """Blocks whose commands the lab can run, as they are."""
    return [block for one in pages() for block in one.blocks if f"-i {LAB} " in block.text]
