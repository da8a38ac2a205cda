"""What the roles promise about themselves."""

from __future__ import annotations

import functools
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from kit.paths import ROLES as ALL_ROLES
from kit.paths import ROOT

INPUTS = ROOT / "roles" / "vault_inputs"
ROLES = [path for path in ALL_ROLES if path != INPUTS]
NAME = re.compile(r"(?<![\w.])(?:__)?vault_\w+")
PRIVATE = re.compile(r"(?<![\w.])__[a-z]\w*")
FILES_OF_TASKS = re.compile(r"(?:import|include)_tasks: (\w+)\.yml")


@functools.cache
def read(path: Path) -> dict[str, t.Any]:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def specs(role: Path) -> dict[str, t.Any]:
    name = "inputs.yml" if role == INPUTS else "argument_specs.yml"
    return read(role / "meta" / name)["argument_specs"]


def options(role: Path) -> dict[str, t.Any]:
    return {name: option for spec in specs(role).values() for name, option in spec["options"].items()}


def without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def given() -> dict[str, t.Any]:
    """What somebody may set for the whole cluster."""
    return {
        name: option
        for section, spec in specs(INPUTS).items()
        if section not in ("derived", "results", "handed")
        for name, option in spec["options"].items()
    }


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request):
    return request.param


def is_template(value: t.Any) -> bool:
    return "{{" in yaml.safe_dump(value)


def test_defaults_and_specs_say_the_same_and_every_option_has_the_roles_prefix(role):
    defaults = read(role / "defaults" / "main.yml")
    specified = options(role)
    assert set(defaults) <= set(specified)
    assert all(name.startswith(f"{role.name}_") for name in specified)
    assert all(option.get("type") and option.get("description") for option in specified.values())
    # Ansible would fill in templates while it validates, so these are told in words.
    plain = {name: value for name, value in defaults.items() if not is_template(value)}
    assert {name: option["default"] for name, option in specified.items() if "default" in option} == plain
    assert not [name for name in defaults if specified[name].get("required")]


def test_an_input_is_required_or_has_a_default_and_the_spec_says_which():
    defaults = read(INPUTS / "defaults" / "main.yml")
    known = {name: option for name, option in options(INPUTS).items() if name not in not_set()}
    assert set(defaults) == {name for name, option in known.items() if not option.get("required")}
    assert defaults == {name: known[name].get("default") for name in defaults}
    assert all(option["type"] and option["description"].endswith(".") for option in options(INPUTS).values())
    for name, option in known.items():
        assert (
            "choices" not in option
            or is_template(option.get("default"))
            or name not in defaults
            or (option["default"] in option["choices"])
        ), name


def not_set() -> set[str]:
    return {name for section in ("results", "handed") for name in specs(INPUTS)[section]["options"]}


def test_no_input_has_a_second_home():
    homes = [name for role in [*ROLES, INPUTS] for name in options(role) if name not in not_set()]
    assert len(homes) == len(set(homes))


def test_every_role_has_the_inputs(role):
    assert read(role / "meta" / "main.yml")["dependencies"] == ["vaultops.cluster.vault_inputs"]
    # One that is called main would be validated at each import.
    assert "main" not in specs(INPUTS)
    assert not (INPUTS / "meta" / "argument_specs.yml").exists()


def texts() -> t.Iterator[tuple[Path, str]]:
    for folder in ("roles", "playbooks"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".yml", ".j2") and "meta" not in path.parts:
                yield path, without_comments(path.read_text())


# What is empty is not given to a module.
DEFAULTED = re.compile(
    r"(?<![\w.])(vault_\w+)\s*\|\s*(?:default|d)\((?!omit, true\))|(?<![\w.])(vault_\w+) is (?:not )?defined"
)


def second_defaults(text: str) -> set[str]:
    return {name for pair in DEFAULTED.findall(text) for name in pair if name} & set(options(INPUTS))


# What says which hosts a play has is read before any role's defaults are there.
BEFORE_ROLES = {
    ("reach.yml", "vault_leaving"),
    ("restore_drill.yml", "vault_drill_machine"),
}


def test_an_input_gets_its_default_in_one_place():
    found = {
        (path.name, name)
        for path, text in texts()
        if INPUTS not in path.parents
        for name in second_defaults(text) - not_set()
    }
    assert found == BEFORE_ROLES


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{{ vault_join | default('aws') }}", {"vault_join"}),
        ("when: vault_load_balancer is defined", {"vault_load_balancer"}),
        ("{{ vault_backup|d(true) }}", {"vault_backup"}),
        ("{{ vault_aws_endpoint_url | default(omit, true) }}", set()),
        ("{{ vault_connection.vault_join | default(1) }}", set()),
    ],
)
def test_a_second_default_is_found(text, names):
    assert second_defaults(text) == names


def made_in(folder: Path) -> str:
    return "\n".join(text for path, text in texts() if folder in path.parents)


def strange_names(text: str) -> set[str]:
    """Private names that nothing in the text makes: as a key, by register, or as the variable of a loop."""
    made = set(re.findall(r"(?<![\w.])(__\w+)\s*:", text)) | set(re.findall(r"(?:register|loop_var): (__\w+)", text))
    made |= set(re.findall(r"{%-? (?:set|for) (__\w+)", text))
    return set(PRIVATE.findall(text)) - made


@pytest.mark.parametrize("folder", [*ROLES, ROOT / "playbooks"], ids=lambda path: path.name)
def test_nobody_reads_what_is_private_elsewhere(folder):
    text = made_in(folder)
    if folder.name == "vault_lease":  # by name, from each host
        text = text.replace("attribute='__vault_lease_", "attribute='vault_lease_")
    assert strange_names(text) == set()


def test_what_is_private_elsewhere_is_found():
    assert strange_names("when: __x > 1\nvars: {__x: 1}\nregister: __y\nmsg: '{{ __y }} {{ __z }} {{ a.__w }}'") == {
        "__z"
    }


def test_the_result_of_another_role_is_one_that_its_readme_names(role):
    text = made_in(role)
    made = set(re.findall(r"(?<![\w.])(vault_\w+)\s*:|register: (vault_\w+)", text))
    own = set(options(role)) | {name for pair in made for name in pair}
    for name in set(NAME.findall(text)) & not_set() - own:
        owners = [other for other in ROLES if name.startswith(f"{other.name}_")]
        assert any(f"`{name}`" in (other / "README.md").read_text() for other in owners), name


def expanded(text: str) -> str:
    """A file that is named by an input stands for one file for each of its choices."""
    for name, option in options(INPUTS).items():
        for choice in option.get("choices", ()):
            text += f"\ninclude_tasks: {choice}.yml\n" if f"{{{{ {name} }}}}.yml" in text else ""
    return text


def reads(role: Path, entry: str) -> set[str]:
    """Every name that an entry point comes to, by way of its files, the role's variables and its templates."""
    values = {**read(role / "defaults" / "main.yml"), **read(role / "vars" / "main.yml")}
    found: set[str] = set()
    files = {entry}
    waiting = [without_comments((role / "tasks" / f"{entry}.yml").read_text())]
    while waiting:
        text = waiting.pop()
        for name in set(FILES_OF_TASKS.findall(expanded(text))) - files:
            files.add(name)
            waiting.append(without_comments((role / "tasks" / f"{name}.yml").read_text()))
        waiting += [(role / "templates" / name).read_text() for name in re.findall(r"'(?:\w+/)?([\w.-]+\.j2)'", text)]
        for name in set(NAME.findall(text)) - found:
            found.add(name)
            if name in values:
                waiting.append(yaml.safe_dump(values[name], width=9999))
    return found


def test_every_entry_point_is_specified_with_what_it_reads(role):
    known = options(role)
    for entry, spec in specs(role).items():
        assert set(spec["options"]) == reads(role, entry) & set(known), entry


def test_every_entry_point_is_specified(role):
    files = {path.stem for path in (role / "tasks").glob("*.yml")}
    included = {"ca_key", "ca_make", "ca_step", "kms_ca", "start", "init", "bring_up", "configure"}
    included |= {
        "autopilot",
        "plugin",
        "read_aws",
        "read_cluster",
        "read_keys",
        "read_resources",
        "drill_group",
        "drill_group_read",
        "group_users",
        "drill_terminate",
        "drill_unmade",
        "launch",
        "volume_key",
        "read_transfer_bucket",
        "report",
        "read_last_run",
        "key",
        "security_group",
        "instances",
        "load_balancer",
        "install",
        "python",
        "given",
        "logins",
        "may_go_on",
        "unseal_key",
        "endpoints",
        "load_balancer_name",
        "cluster",
        "snapshots",
        "nodes_canaries",
        "note_canary",
        "end_job",
        "read_replica",
        "replication_rules",
        "crossing",
        "write_access",
    }
    # One role includes what is an entry point of another.
    assert set(specs(role)) == files - (included - set(specs(role)))


def test_what_a_run_keeps_is_known_and_nobody_sets_it():
    """A later playbook of the same run meets these names among the hosts' variables."""
    registered = {name for _path, text in texts() for name in re.findall(r"(?:register|loop_var): (vault_\w+)", text)}
    facts = {
        name for path, _text in texts() if path.suffix == ".yml" for name in facts_of(yaml.safe_load(path.read_text()))
    }
    assert {name for name in registered | facts if name.startswith("vault_")} <= set(options(INPUTS)) | {
        name for role in ROLES for name in options(role)
    }


def facts_of(node: t.Any) -> t.Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from facts_of(item)
    elif isinstance(node, dict):
        yield from node.get("ansible.builtin.set_fact") or {}
        for item in node.values():
            yield from facts_of(item)


def test_plays_have_the_inputs_where_they_use_them():
    """By a role that is imported, or else by the role of the inputs: one that is included lends its defaults to nobody."""
    for path in sorted([*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "playbooks" / "plays").glob("*.yml")]):
        for play in yaml.safe_load(path.read_text()):
            if (
                "ansible.builtin.import_playbook" in play
                or play["hosts"] == "localhost"
                or "vault_drill" in play["hosts"]
                or play.get("roles")
                or imports(play["tasks"])
            ):
                continue
            pytest.fail(f"{path.name}: {play['name']} has no inputs")


def imports(node: t.Any) -> bool:
    if isinstance(node, list):
        return any(imports(item) for item in node)
    return isinstance(node, dict) and (
        "ansible.builtin.import_role" in node or any(imports(item) for item in node.values())
    )


def test_task_files_are_short(role):
    for path in (role / "tasks").glob("*.yml"):
        assert len(path.read_text().splitlines()) <= 80, path
