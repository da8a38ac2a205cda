"""Writes docs/inputs.md from the specs of the roles: 'python docs/generate_inputs.py' or 'make docs'. With --check it only
compares, and ends with an error where the file is not current."""

from __future__ import annotations

import json
import re
import sys
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "inputs.md"
# Sections of names that nobody sets.
NOT_INPUTS = ("derived", "handed", "results")
HEAD = """# Inputs

<!-- Made by docs/generate_inputs.py from the specs of the roles. Change those, then run 'make docs'. -->

Every input is a variable of the inventory, or of the command line. Each has its default in one place, the role
[vault_inputs](../roles/vault_inputs/defaults/main.yml), or in the role that it belongs to. The first play of every playbook reads
them all: a name that begins with `vault_` and is not listed here is an error that offers the nearest one, and so is a value of a
wrong type. Variables that belong to something else are listed in `vault_other_variables`.
"""


ROLES = """## Options of single roles

Most of them are settings. Those that tell what was seen, or what an entry point is to do, are handed over by playbooks.
"""
OTHERS = """## Names that nobody sets

A run makes them. They are listed because they are known, and so are no slip.
"""


def read(path: Path) -> dict[str, t.Any]:
    loaded: dict[str, t.Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    return loaded


def text(value: str | list[str]) -> str:
    """A description as Markdown: of ansible-doc's markup, what the specs use."""
    joined = " ".join(value) if isinstance(value, list) else value
    return re.sub(r"\b[VOC]\(([^)]*)\)", r"`\1`", " ".join(joined.split())).replace("|", "\\|")


def default(option: dict[str, t.Any]) -> str:
    if option.get("required"):
        return "required"
    value = option.get("default")
    if value in (None, "", [], {}):
        return "none" if value is not None or "default" in option else ""
    shown = value if isinstance(value, str) else json.dumps(value)
    return "`" + " ".join(shown.split()).replace("|", "\\|") + "`"


def kind(option: dict[str, t.Any]) -> str:
    if option.get("choices"):
        return ", ".join(f"`{choice}`" for choice in option["choices"] if choice != "")
    return f"{option['type']} of {option['elements']}" if "elements" in option else str(option["type"])


def table(options: dict[str, dict[str, t.Any]]) -> list[str]:
    rows = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    return rows + [
        f"| `{name}` | {kind(option)} | {default(option)} | {text(option['description'])} |"
        for name, option in options.items()
    ]


def names(options: dict[str, dict[str, t.Any]]) -> list[str]:
    return [f"- `{name}`: {text(option['description'])}" for name, option in options.items()]


def document() -> str:
    parts = [HEAD]
    sections = read(ROOT / "roles" / "vault_inputs" / "meta" / "inputs.yml")
    for section, spec in sections.items():
        if section not in NOT_INPUTS:
            parts += [f"## {spec['short_description']}\n", "\n".join(table(spec["options"])) + "\n"]
    parts.append(ROLES)
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        options = {name: option for spec in read(path).values() for name, option in spec["options"].items()}
        parts += [f"### {path.parts[-3]}\n", "\n".join(table(options)) + "\n"]
    parts.append(OTHERS)
    for section in NOT_INPUTS:
        spec = sections[section]
        parts += [f"### {spec['short_description']}\n", "\n".join(names(spec["options"])) + "\n"]
    return "\n".join(parts)


def main() -> int:
    made = document()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != made:
            print(f"{TARGET} is not current. Run 'make docs'.", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
