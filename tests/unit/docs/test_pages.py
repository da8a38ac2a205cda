"""What the pages say can be typed: every command line is one that its program takes, and every link leads somewhere."""

from __future__ import annotations

import contextlib
import io
import re
import typing as t
from pathlib import Path

import botocore.session
import pytest
import yaml
from ansible.cli.adhoc import AdHocCLI
from ansible.cli.galaxy import GalaxyCLI
from ansible.cli.inventory import InventoryCLI
from ansible.cli.playbook import PlaybookCLI
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import known_inputs
from botocore import xform_name
from kit import docs
from kit.awx import module_of
from kit.paths import ROOT

generate = module_of("awx/generate.py", "awx_generate")
INPUTS = generate.options()
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text())
COLLECTION = f"{GALAXY['namespace']}.{GALAXY['name']}"
TARGETS = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
PAGES = docs.pages()
BLOCKS = [block for page in PAGES for block in page.blocks]
README = next(page for page in PAGES if page.path == ROOT / "README.md")
INDEX = next(page for page in PAGES if page.path == ROOT / "docs" / "README.md")
# What stands for the reader's own inventory.
INVENTORIES = ("INVENTORY", "inventories/mine")
# The history names what is gone, and the monitoring page has metrics, which have a test of their own.
NAMES_ARE_OTHERS = (ROOT / "CHANGELOG.md", ROOT / "docs" / "monitoring" / "README.md")


def label(block: docs.Block) -> str:
    return f"{block.page.relative_to(ROOT)}:{block.line}"


def target(page: docs.Page, link: str) -> Path:
    return (page.path.parent / link.partition("#")[0]).resolve() if link.partition("#")[0] else page.path


# --- Links ---


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    dead = []
    for link in page.links:
        if re.match(r"https?://", link):
            continue
        path, anchor = target(page, link), link.partition("#")[2]
        if not path.exists() or (anchor and anchor not in docs.page(path).anchors):
            dead.append(link)
    assert not dead


def test_every_page_of_docs_is_reached_from_the_readme_and_is_in_the_index():
    there = {page.path: page for page in PAGES}
    reached: set[Path] = set()
    waiting = [README]
    while waiting:
        page = waiting.pop()
        reached.add(page.path)
        waiting += [there[path] for link in page.links if (path := target(page, link)) in there.keys() - reached]
    wanted = {path for path in there if path.is_relative_to(ROOT / "docs")}
    assert not wanted - reached
    assert not wanted - {INDEX.path} - {target(INDEX, link) for link in INDEX.links}


def test_the_readme_is_one_page_and_has_every_playbook():
    text = README.path.read_text()
    assert len(text.splitlines()) <= 100
    listed = re.findall(r"(?m)^\| `(playbooks/\w+\.yml)` \|", text)
    assert sorted(listed) == sorted(str(path.relative_to(ROOT)) for path in (ROOT / "playbooks").glob("*.yml"))


def test_what_the_code_says_of_docs_is_there():
    named: dict[str, str] = {}
    for folder in ("plugins", "roles", "playbooks", "awx", "inventories", "extensions"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".yml", ".j2", ".md"):
                text = re.sub(r"https?://\S+", "", path.read_text())
                for match in re.finditer(r"\bdocs/[\w./-]*\w(?:#[\w-]+)?", text):
                    named[match.group()] = str(path.relative_to(ROOT))
    assert named
    for name, where in named.items():
        path, _hash, anchor = name.partition("#")
        assert (ROOT / path).exists(), f"{where} names {name}"
        assert not anchor or anchor in docs.page(ROOT / path).anchors, f"{where} names {name}"


# --- Names ---


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.path not in NAMES_ARE_OTHERS],
    ids=lambda page: str(page.path.relative_to(ROOT)),
)
def test_every_name_is_known(page):
    sections = [
        *(ROOT / "roles").glob("*/meta/argument_specs.yml"),
        ROOT / "roles" / "vault_inputs" / "meta" / "inputs.yml",
    ]
    known = {
        name
        for path in sections
        for spec in generate.read(path)["argument_specs"].values()
        for name in spec.get("options", {})
    }
    known |= {path.stem for path in (ROOT / "plugins").glob("*/*.py")} | {
        path.name for path in (ROOT / "roles").iterdir()
    }
    known |= {*known_inputs.GONE, *GROUPS}
    unknown = {
        name
        for code in page.code
        for name in re.findall(r"(?<![\w/-])vault_[a-z_]+[a-z](?![\w-])", code)
        if name not in known
    }
    assert not unknown


# The inventory's second group.
GROUPS = ("vault_drill",)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.path.relative_to(ROOT)))
def test_every_file_of_the_checkout_that_is_named_is_there(page):
    dead = {
        name
        for code in page.code
        for name in re.findall(r"^(?:playbooks|inventories|tests|roles|plugins|docs|awx)/[\w./-]+", code)
    }
    assert not {
        name
        for name in dead
        if name not in INVENTORIES and not name.startswith(INVENTORIES[1] + "/") and not (ROOT / name).exists()
    }


def test_an_emergency_is_found_by_the_words_of_the_status():
    """Who is called searches for what the status says."""
    said = (ROOT / "plugins" / "module_utils" / "_status" / "findings.py").read_text()
    table = (ROOT / "docs" / "emergencies.md").read_text().partition("| a finding of")[2].partition("\n\n")[0]
    findings = re.findall(r"(?m)^\| `([^`]+)`", table)
    assert len(findings) > 8
    for finding in findings:
        parts = [part for part in re.split(r"NODE|…", finding) if len(part) > 3]
        assert parts and all(part.rstrip(": ") in said for part in parts), finding


# --- Commands ---


def parsed(program: type, words: list[str]) -> t.Any:
    """By the program's own parser."""
    line = program(words)
    line.init_parser()
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            return line.parser.parse_args(words[1:])
        except SystemExit:
            pytest.fail(f"{' '.join(words)}: {said.getvalue().strip().splitlines()[-1]}")


def inventory_is_there(given: list[str] | None) -> None:
    assert given, "no inventory"
    for one in given:
        assert one in INVENTORIES or (ROOT / one).exists(), f"{one} is no inventory"


def given_by(extra: list[str]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    for one in extra:
        if one.startswith("{"):
            found |= yaml.safe_load(str(one))
        else:
            name, equals, value = one.partition("=")
            assert equals, f"{one} is no variable"
            found[name] = value
    return found


def playbook(words: list[str]) -> None:
    options = parsed(PlaybookCLI, words)
    names = given_by(options.extra_vars)
    assert len(options.args) == 1
    (path,) = options.args
    if path == "awx/apply.yml":
        assert names.keys() <= yaml.safe_load((ROOT / "awx" / "config" / "settings.yml").read_text()).keys()
        return
    named = re.fullmatch(rf"{re.escape(COLLECTION)}\.(\w+)", path)
    assert (ROOT / (f"playbooks/{named[1]}.yml" if named else path)).is_file(), f"{path} is no playbook"
    inventory_is_there(options.inventory)
    assert not known_inputs.problems({"the page": names}, INPUTS, ())
    assert all(name.startswith("vault_") for name in names)


def galaxy(words: list[str]) -> None:
    options = parsed(GalaxyCLI, words)
    if getattr(options, "requirements", None):
        assert (ROOT / options.requirements).is_file()
    ours = [one for one in options.args if "vaultops" in one]
    tarball = f"{GALAXY['namespace']}-{GALAXY['name']}-VERSION.tar.gz"
    assert all(
        one in (COLLECTION, f"git+{GALAXY['repository']}.git", tarball, f"build/release/{tarball}") for one in ours
    )


def adhoc(words: list[str]) -> None:
    inventory_is_there(parsed(AdHocCLI, words).inventory)


def inventory(words: list[str]) -> None:
    inventory_is_there(parsed(InventoryCLI, words).inventory)


def make(words: list[str]) -> None:
    assert {word for word in words[1:] if not re.match(r"[A-Z]+=", word)} <= TARGETS


def python(words: list[str]) -> None:
    assert words[1] == "-m" or (ROOT / words[1]).is_file(), f"{words[1]} is no file"


def source(words: list[str]) -> None:
    assert (ROOT / words[1]).is_file()


def aws(words: list[str]) -> None:
    """By the API's own definition, from which AWS's command line is made."""
    # Which is what the command line calls the API of S3.
    service = botocore.session.get_session().get_service_model({"s3api": "s3"}.get(words[1], words[1]))
    calls = {xform_name(name, "-"): name for name in service.operation_names}
    assert words[2] in calls, f"{words[2]} is no call of {words[1]}"
    shape = service.operation_model(calls[words[2]]).input_shape
    takes = {xform_name(name, "-") for name in (shape.members if shape else {})} | {"query", "output", "region"}
    options = [re.sub(r"^--(no-)?", "", word) for word in words[3:] if word.startswith("-")]
    assert set(options) <= takes, f"{words[2]} takes none of {set(options) - takes}"
    wants = {xform_name(name, "-") for name in (shape.required_members if shape else [])}
    assert wants <= set(options), f"{words[2]} wants {wants}"


def of_pytest(words: list[str]) -> None:
    assert all((ROOT / word).exists() for word in words[1:] if not word.startswith("-"))


def copy(words: list[str]) -> None:
    ours = [word for word in words if word.startswith("inventories/")]
    installed = [word.partition("/vaultops/cluster/")[2] for word in words if "/vaultops/cluster/" in word]
    assert not ours or (ROOT / (installed or ours)[0]).exists()
    assert not set(installed) & set(GALAXY["build_ignore"]), f"{installed} is only in a checkout"


def others(_words: list[str]) -> None:
    """A program that nothing of ours has to take."""


PROGRAMS: dict[str, t.Callable[[list[str]], None]] = {
    "ansible-playbook": playbook,
    "ansible-galaxy": galaxy,
    "ansible-inventory": inventory,
    "ansible": adhoc,
    "make": make,
    "python": python,
    "python3": python,
    ".venv/bin/python": python,
    ".": source,
    "aws": aws,
    "cp": copy,
    "pytest": of_pytest,
    **dict.fromkeys(
        (
            "ansible-builder",
            "ansible-rulebook",
            "bao",
            "cd",
            "export",
            "install",
            "journalctl",
            "mkdir",
            "pip",
            "podman",
            "read",
            "systemctl",
        )
        + (
            "diff",
            "find",
            "firewall-cmd",
            "git",
            "gpg",
            "promtool",
            "restorecon",
            "semanage",
            "sha256sum",
            "unset",
            "vault",
        ),
        others,
    ),
}


def of_commands(block: docs.Block) -> bool:
    return any(words[0] in PROGRAMS for words in docs.commands(docs.lines(block)[0]))


@pytest.mark.parametrize("block", BLOCKS, ids=label)
def test_every_block_says_what_it_is(block):
    """A command with a slip in its first word would be no command otherwise, and nobody would try it."""
    if not block.language and not of_commands(block):
        assert isinstance(yaml.safe_load(block.text), (dict, list)), (
            "neither commands nor YAML; give the fence a language"
        )


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.language and of_commands(block)], ids=label)
def test_every_command_is_one(block, monkeypatch):
    monkeypatch.chdir(ROOT)
    for line in docs.lines(block):
        for words in docs.commands(line):
            assert words[0] in PROGRAMS, f"{words[0]}: none of the programs that the pages use"
            PROGRAMS[words[0]](words)


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_the_usage_of_every_playbook_is_a_command(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    (line,) = re.findall(r"(?m)^# Usage +(ansible-playbook .+)$", path.read_text())
    # With all that may be left out, and the first of what may be chosen.
    (words,) = docs.commands(re.sub(r"\|\S+", "", line.translate({ord("["): None, ord("]"): None})))
    playbook(words)
    assert f"playbooks/{path.name}" in words


def test_the_lab_has_commands_to_run():
    assert {block.page for block in docs.for_the_lab()} >= {README.path}
