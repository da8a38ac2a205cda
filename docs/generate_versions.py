"""Write docs/versions.md: which versions the tests run with. 'make docs' calls it.

Controllers: tests/versions/tested.json has a row for each ansible-core. What runs there writes the row, by this, and a unit test
compares it in each of them ('make unit', 'make versions'). As which versions the stand-ins speak is in
tests/versions/stand_in.json, from which the tests take it. The rest is what Makefile and lab say, and what the collection itself
decides by.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import sys
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.module_utils._common import product, versions

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "versions.md"
ROWS = ROOT / "tests" / "versions" / "tested.json"
AS_EACH = '@pytest.mark.parametrize("version", STAND_IN)'
STAND_IN = ROOT / "tests" / "versions" / "stand_in.json"
COLLECTIONS = ("amazon.aws", "community.aws")
PACKAGES = ("boto3", "cryptography", "hvac")
HEAD = """# Tested versions

`make docs` writes this page, from what the tests run with. [support.md](support.md#versions-of-other-things) says what of it
is supported.

## Controllers

A row is one environment. Its own tests compare the row with what they run in.
"""
VAULT = """
## Vault

How it was proven that the collection works with a version:

- **A real server**: the lab runs it, an official one or a build of HashiCorp's source ([tests/lab](../tests/lab/README.md)).
- **The stand-in**: a small server of the tests answers as that version does, as far as versions differ in that, by the documents.
  Whether a real one answers so was not seen.
- **Documents**, for every line: what differs was taken from HashiCorp's documentation and release notes, up to {newest} of
  {date} ([crossings.md](crossings.md)). Newer versions work as well: plan and status say that what is known of
  {newest} is assumed.

"""
STOOD_IN = """
As each of the stand-in's versions these tests run:

{files}

## What differs by version

What the collection decides by a version, in one place (`plugins/module_utils/_common/product.py`). Changes that people have to
know before an upgrade are in [crossings.md](crossings.md).

"""
NODES = """
## Nodes

"""
EVERY_LAB = "every target that uses the lab"


def _installed(name: str) -> str:
    spec = importlib.util.find_spec("ansible_collections")
    namespace, _dot, short = name.partition(".")
    for place in spec.submodule_search_locations:
        manifest = Path(place) / namespace / short / "MANIFEST.json"
        if manifest.exists():
            return json.loads(manifest.read_text())["collection_info"]["version"]
    sys.exit(f"{name} is nowhere in {list(spec.submodule_search_locations)}.")


def here() -> dict[str, str]:
    """The row of the environment that this runs in."""
    row = {
        "ansible-core": importlib.metadata.version("ansible-core"),
        "Python": f"{sys.version_info[0]}.{sys.version_info[1]}",
    }
    row |= {name: _installed(name) for name in COLLECTIONS}
    return row | {name: importlib.metadata.version(name) for name in PACKAGES}


def line_of(row: dict[str, str]) -> tuple[int, ...]:
    """2.19.14 is of the line 2.19."""
    return tuple(int(part) for part in row["ansible-core"].split(".")[:2])


def rows() -> list[dict[str, str]]:
    return sorted(json.loads(ROWS.read_text()) if ROWS.exists() else [], key=line_of)


def with_row(others: list[dict[str, str]], row: dict[str, str]) -> list[dict[str, str]]:
    return sorted([one for one in others if line_of(one) != line_of(row)] + [row], key=line_of)


def other_lines(makefile: str) -> list[str]:
    """Of 'make versions'."""
    return re.findall(r"ansible-([\d.]+)", re.search(r"(?m)^VERSIONS := (.+)$", makefile)[1])


def targets(row: dict[str, str], others: list[str]) -> str:
    return "`make versions`" if ".".join(map(str, line_of(row))) in others else "`make test` and all other targets"


def vault(makefile: str, inventory: str) -> dict[str, str]:
    """Version -> where it is run."""
    found = {re.search(r"(?m)^vault_version: *(\S+)", inventory)[1]: EVERY_LAB}
    older = re.search(r"(?m)^OLDER := (.+)$", makefile)[1]
    for name in older.split():
        using = re.findall(rf"(?m)^([a-z-]+):.*(?: {re.escape(name)}\b| \$\(OLDER\))", makefile)
        found[name.removeprefix("vault-")] = ", ".join(f"`make {target}`" for target in sorted(using))
    return found


def line_of_vault(version: str) -> str:
    """1.21.1 is of the line 1.21, and all of a later major version are of one."""
    major, minor, _patch = versions.number(version)
    return f"{major}.{minor}" if major < 2 else f"{major}.x"


def proven(run: dict[str, str], stood_in: list[str]) -> list[list[str]]:
    """A row for each line of which something was run, or stood in for."""
    rows = []
    for line in dict.fromkeys(map(line_of_vault, sorted((*run, *stood_in), key=versions.number))):
        real = [f"{version} ({where})" for version, where in run.items() if line_of_vault(version) == line]
        stand_in = [version for version in stood_in if line_of_vault(version) == line]
        rows.append([line, "; ".join(real) or "**none was run**", ", ".join(stand_in) or "no"])
    return rows


def standing_in() -> list[str]:
    """Which tests run as each of the stand-in's versions."""
    there = sorted((ROOT / "tests" / "unit").rglob("test_*.py"))
    return [path.relative_to(ROOT).as_posix() for path in there if AS_EACH in path.read_text()]


def differs() -> list[list[str]]:
    named = [one for one in vars(product).values() if isinstance(one, product.Fact)]
    return [
        [one.what, _firsts(one), _of_openbao(one), f"[source]({one.source})"]
        for one in (*named, *(fact for names in product.RELOADED.values() for fact in names.values()))
    ]


def _firsts(fact: product.Fact) -> str:
    """Of Vault. The last one stands for all later lines."""
    if fact.vault == product.NEVER:
        return "none"
    said = "every version" if fact.vault == product.ALWAYS else ", ".join(map(versions.text, fact.vault))
    broken = [" to ".join(map(versions.text, pair)) for pair in fact.broken]
    return f"{said}, but {' and '.join(broken)}" if broken else said


def _of_openbao(fact: product.Fact) -> str:
    if fact.openbao == product.ALWAYS:
        return "every version"
    return ", ".join(map(versions.text, fact.openbao)) or "none"


def table(head: list[str], lines: list[list[str]]) -> str:
    parts = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*parts, *(f"| {' | '.join(line)} |" for line in lines)]) + "\n"


def document() -> str:
    makefile = (ROOT / "Makefile").read_text()
    inventory = (ROOT / "inventories" / "lab" / "group_vars" / "all.yml").read_text()
    others = other_lines(makefile)
    image = (ROOT / "tests" / "lab" / "labkit" / "image.py").read_text()
    suites = json.loads(re.search(r"(?m)^SUITES = (.+)$", image)[1])
    requires = re.search(r'requires_ansible: "(.+)"', (ROOT / "meta" / "runtime.yml").read_text())[1]
    columns = ["ansible-core", "Python", *COLLECTIONS, *PACKAGES]
    controllers = table(
        [*columns, "run by"], [[*(row[name] for name in columns), targets(row, others)] for row in rows()]
    )
    stood_in = json.loads(STAND_IN.read_text())
    servers = table(["Vault", "a real server", "the stand-in"], proven(vault(makefile, inventory), stood_in))
    files = "\n".join(f"- `{name}`" for name in standing_in())
    facts = table(["the server", "Vault from", "OpenBao from", ""], differs())
    newest, date = product.NEWEST[product.VAULT]
    machines = table(
        ["system", "Python", "run by"],
        [
            [
                f"Debian {suite}, amd64, with systemd, in containers",
                python,
                "`make nodes-test`" if number else EVERY_LAB,
            ]
            for number, (suite, python) in enumerate(suites.items())
        ],
    )
    takes = f"\nThe collection asks for ansible-core `{requires}` ([meta/runtime.yml](../meta/runtime.yml)).\n"
    known = VAULT.format(newest=versions.text(newest), date=date)
    return HEAD + "\n" + controllers + takes + known + servers + STOOD_IN.format(files=files) + facts + NODES + machines


def main() -> None:
    ROWS.write_text(json.dumps(with_row(rows(), here()), indent=2) + "\n")
    TARGET.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
