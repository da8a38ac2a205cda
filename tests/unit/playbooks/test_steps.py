"""A playbook orders roles, and does nothing itself; before it changes anything it says what."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from kit.paths import ROOT

PLAYBOOKS = ROOT / "playbooks"
NAMES = sorted(path.stem for path in PLAYBOOKS.glob("*.yml"))
# Which ones change neither a cluster nor anything in AWS.
CHANGING = [name for name in NAMES if name not in ("custody_check", "iam_policies", "status", "support_bundle")]
# Which one is still to be cut.
LONG: tuple[str, ...] = ()
IMPORTED = "ansible.builtin.import_playbook"
# Who says more than one: of the machine that it makes, and of the drill on that machine or on somebody's own.
PLANS = {"restore_drill": 3}
TASKS = [f"ansible.builtin.{kind}_tasks" for kind in ("import", "include")]
# Those, and what tells Ansible alone to do something, such as to read the inventory again.
STEPS = {f"ansible.builtin.{kind}" for kind in ("import_role", "include_role", "import_tasks", "include_tasks", "meta")}
# With it a play under the lease remembers that it has failed.
REMEMBERS = {"ansible.builtin.set_fact": {"vault_lease_failed": True}}
# Who says the plan: this shared file, or the role of site.yml.
SAYS_IT = ("plan.yml", "vault_site/plan")

Task = dict[str, t.Any]


def plays_of(name: str, whole: bool = True) -> list[dict[str, t.Any]]:
    """The plays of a playbook, those that it imports among them; not *whole*, without the playbooks that people run, too."""
    found = []
    for play in yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text()):
        if not whole and play.get(IMPORTED, "").removesuffix(".yml") in NAMES:
            continue
        if IMPORTED in play:
            # What is given to a playbook is given to its plays.
            imported = plays_of(play[IMPORTED].removesuffix(".yml"))
            found += [{**one, "vars": {**one.get("vars", {}), **play.get("vars", {})}} for one in imported]
        else:
            found.append(play)
    return found


def inside(tasks: list[Task]) -> t.Iterator[Task]:
    """Every task, those of blocks among them."""
    for task in tasks:
        if "block" in task:
            for part in ("block", "rescue", "always"):
                yield from inside(task.get(part, []))
        else:
            yield task


def own_work(tasks: list[Task]) -> t.Iterator[str]:
    for task in inside(tasks):
        if not STEPS & set(task) and not REMEMBERS.items() <= task.items():
            yield task["name"]


def files_of(name: str) -> list[str]:
    """The files of tasks that the playbook's own plays come to, in their order, by name."""
    found: list[str] = []
    for play in plays_of(name, whole=False):
        follow(play["tasks"], {**play.get("vars", {})}, found)
    return found


def follow(tasks: list[Task], known: dict[str, t.Any], found: list[str], folder: str = "") -> None:
    for task in inside(tasks):
        role = task.get("ansible.builtin.import_role", {})
        if role.get("name") == "vaultops.cluster.vault_site":
            found.append(f"vault_site/{role['tasks_from']}")
        path = next((task[kind] for kind in TASKS if kind in task), None)
        if path is None:
            continue
        path = path["file"] if isinstance(path, dict) else path
        for variable in ("vault_work", "vault_turn_work"):
            path = path.replace(f"{{{{ {variable} }}}}", str({**known, **task.get("vars", {})}.get(variable)))
        place = next(
            one for one in (PLAYBOOKS / folder / path, PLAYBOOKS / "tasks" / path, PLAYBOOKS / path) if one.exists()
        )
        found.append(str(place.resolve().relative_to(PLAYBOOKS / "tasks")))
        known_there = {**known, **task.get("vars", {})}
        follow(yaml.safe_load(place.read_text()), known_there, found, str(place.parent.relative_to(PLAYBOOKS)))


@pytest.mark.parametrize("name", NAMES)
def test_a_playbook_holds_roles_only(name):
    assert [found for play in plays_of(name) for found in own_work(play["tasks"])] == []


def test_no_file_of_tasks_hides_behind_a_play():
    """For ../x.yml in a file of tasks/NAME that a play of plays/ includes, Ansible looks in plays/ first, then in tasks/."""
    there = {path.name for path in (PLAYBOOKS / "plays").glob("*.yml")}
    assert there & {path.name for path in (PLAYBOOKS / "tasks").glob("*.yml")} == set()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LONG])
def test_a_playbook_fits_on_a_page(name):
    assert len((PLAYBOOKS / f"{name}.yml").read_text().splitlines()) <= 60


@pytest.mark.parametrize("name", CHANGING)
def test_a_playbook_that_changes_something_says_its_plan_once(name):
    assert len([one for one in files_of(name) if one in SAYS_IT]) == PLANS.get(name, 1)


def ends_before_its_changes(name: str) -> bool:
    """Whether in check mode nothing is left to do once the plan is said: plays have no hosts, or what follows is skipped."""
    plays = plays_of(name, whole=False)
    at = (
        max(n for n, play in enumerate(plays) if "plan.yml" in files_in(play))
        if name in PLANS
        else next(n for n, play in enumerate(plays) if "plan.yml" in files_in(play))
    )
    later = [play for play in plays[at + 1 :] if "release" not in str(play["tasks"]) and play["hosts"] != "localhost"]
    return all("ansible_check_mode" in play["hosts"] for play in later)


def files_in(play: dict[str, t.Any]) -> list[str]:
    found: list[str] = []
    follow(play["tasks"], {**play.get("vars", {})}, found)
    return found


@pytest.mark.parametrize("name", [name for name in CHANGING if name != "site"])
def test_in_check_mode_the_plan_is_the_last_word(name):
    assert ends_before_its_changes(name)


@pytest.mark.parametrize(
    "path", sorted((PLAYBOOKS / "tasks").glob("*/*.yml")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_what_follows_the_plan_in_its_file_is_not_for_check_mode(path):
    tasks = yaml.safe_load(path.read_text())
    at = [n for n, task in enumerate(tasks) if "../plan.yml" in task.values()]
    assert all(task.get("when") == "not ansible_check_mode" for n in at for task in tasks[n + 1 :])


def test_a_rescue_that_gives_the_lease_back_exists_once():
    rescues = [
        path.name
        for path in [
            *(PLAYBOOKS / "tasks").rglob("*.yml"),
            *(PLAYBOOKS / f"{name}.yml" for name in NAMES if name not in LONG),
        ]
        if "give_back}" in path.read_text()
    ]
    assert rescues == ["under_lease.yml"]


def test_work_of_its_own_is_found():
    role = {"name": "a role", "ansible.builtin.import_role": {"name": "x"}}
    work = {"name": "work", "ansible.builtin.command": "true"}
    fact = {"name": "a fact", "ansible.builtin.set_fact": {"x": 1}}
    assert list(own_work([role, {"block": [role], "rescue": [fact], "always": [{"block": [work]}]}])) == [
        "a fact",
        "work",
    ]
