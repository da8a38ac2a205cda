"""Writes what AWX is given of each playbook, from the playbooks' headers and the specs of the roles: job templates with their
surveys, the workflow of an upgrade, and the pattern in extensions/patterns. 'python awx/generate.py' or 'make docs'. With
--check it only compares, and ends with an error where a file is not current.

A new playbook needs nothing here: its header says what it is for, and a survey asks for what the header shows as -e NAME=.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
# Sections of vault_inputs whose names nobody sets.
NOT_INPUTS = ("derived", "handed", "results")
# No form has a field for these, and a path is one of the machine that somebody sits at.
NOT_ASKED = ("list", "dict", "path")
# What a survey asks besides what the header of its playbook shows.
ALSO = {
    "decommission": ["vault_decommission_keep_snapshots"],
    "regain_admin": ["vault_regain_cancel"],
    "restore": ["vault_restore_any_key"],
}
# What reads or writes a directory of somebody's machine, or is given what people alone hold, is run there, and is no job.
LOCAL = ("adopt_seal", "iam_policies", "move_records")
LEASE = "vault_lease_take_over"
# What only reads needs no hour. A job that is cut off leaves its lease behind, so the others get more than they need.
READS = ("custody_check", "status")
READ_SECONDS, CHANGE_SECONDS = 1800, 7200
APPROVAL_SECONDS = 86400
UPGRADE = ["status", "backup", "plan", "approval", "rolling_upgrade", "failover_check", "status"]
PATTERN = "vault_cluster"
PATTERN_PLAYBOOKS = ["site", "provision", "status", "backup", "rolling_upgrade"]

LOADER: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Spec = dict[str, t.Any]
Question = dict[str, t.Any]


class Dumper(yaml.SafeDumper):
    """With lists indented, as yamllint wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: t.Any) -> bool:
        return True


@functools.cache
def parsed(content: str) -> t.Any:
    return yaml.load(content, Loader=LOADER)  # nosec B506  # the safe loader, in C where there is one


def read(path: Path) -> t.Any:
    return parsed(path.read_text(encoding="utf-8"))


def playbooks(root: Path = ROOT) -> list[str]:
    """Those that are jobs."""
    return sorted({path.stem for path in (root / "playbooks").glob("*.yml")} - set(LOCAL))


def header(name: str, root: Path = ROOT) -> dict[str, str]:
    """The fields of the comment that a playbook begins with."""
    fields: dict[str, str] = {}
    field = ""
    for line in (root / "playbooks" / f"{name}.yml").read_text(encoding="utf-8").splitlines()[1:]:
        if not line.startswith("#"):
            break
        begun = re.match(r"# ([A-Z]\w+(?: \w+)?)\s{2,}(.*)", line)
        field, text = begun.groups() if begun else (field, line[1:])
        fields[field] = f"{fields.get(field, '')} {text.strip()}".strip()
    return fields


def takes_lease(name: str, root: Path = ROOT) -> bool:
    text = (root / "playbooks" / f"{name}.yml").read_text(encoding="utf-8")
    return bool(re.search(r"give_back\.yml|begin_in_aws\.yml|vault_lease", re.sub(r"(?m)^#.*\n", "", text)))


def options(root: Path = ROOT) -> dict[str, Spec]:
    """Every option of every role that somebody may set."""
    found: dict[str, Spec] = {}
    for path in sorted((root / "roles").glob("*/meta/*.yml"), reverse=True):
        points = read(path).get("argument_specs") or {}
        for point, spec in points.items():
            if path.name != "inputs.yml" or point not in NOT_INPUTS:
                found |= spec["options"]
    return found


def offered(root: Path = ROOT) -> dict[str, t.Any]:
    """What the inventory says that comes with the collection: an answer for what has to be answered and has no default."""
    said: dict[str, t.Any] = read(root / "inventories" / "ec2" / "group_vars" / "all.yml")
    return said


def asked(name: str, root: Path = ROOT) -> list[str]:
    """The variables that a playbook's survey asks for."""
    shown = re.findall(r"-e (vault_\w+)=", " ".join(header(name, root).values()))
    return list(dict.fromkeys([*shown, *ALSO.get(name, []), *([LEASE] if takes_lease(name, root) else [])]))


def text(value: str | list[str]) -> str:
    """A description without the markup of ansible-doc."""
    joined = " ".join(value) if isinstance(value, list) else value
    return re.sub(r"\b[VOC]\(([^)]*)\)", r"\1", " ".join(joined.split()))


def question(name: str, option: Spec, answers: dict[str, t.Any]) -> Question | None:
    """One of a survey, or None for what no survey can ask for."""
    kind = option.get("type", "str")
    if kind in NOT_ASKED:
        return None
    choices = [str(choice) for choice in option.get("choices") or [] if choice != ""]
    choices = choices or (["true", "false"] if kind == "bool" else [])
    required = bool(option.get("required"))
    made: Question = {
        "question_name": name.removeprefix("vault_").replace("_", " ").capitalize(),
        "question_description": text(option["description"]),
        "required": required,
        "type": "multiplechoice" if choices else {"int": "integer", "float": "float"}.get(kind, "text"),
        "variable": name,
    }
    if choices:
        made["choices"] = choices
    default = answers[name] if required else option.get("default")
    if isinstance(default, bool):
        default = str(default).lower()
    # One that follows from other inputs is left to them, and an empty list is no text.
    if isinstance(default, (str, int, float)) and "{{" not in str(default):
        made["default"] = default
    if made["type"] == "text":
        made |= {"min": 0, "max": 1024}
    return made


def survey(name: str, root: Path = ROOT, without: t.Collection[str] = ()) -> Spec:
    known, answers = options(root), offered(root)
    made = [question(one, known[one], answers) for one in asked(name, root) if one not in without]
    spec = [one for one in made if one]
    return {"name": "", "description": "", "spec": spec} if spec else {}


def title(name: str, plan: bool = False) -> str:
    return "{{ awx_prefix }} " + name.replace("_", " ") + (" (plan)" if plan else "")


def template(name: str, plan: bool, root: Path = ROOT) -> Spec:
    purpose = header(name, root)["Purpose"]
    # A look takes no lease.
    questions = survey(name, root, without=[LEASE] if plan else [])
    return {
        "name": title(name, plan),
        "description": f"What a run would change, without changing it. The run: {purpose}" if plan else purpose,
        "organization": "{{ awx_organization }}",
        "project": "{{ awx_prefix }}",
        "playbook": f"playbooks/{name}.yml",
        "inventory": "{{ awx_prefix }}",
        "execution_environment": "{{ awx_prefix }}",
        "credentials": "{{ awx_credentials }}",
        "job_type": "check" if plan else "run",
        "diff_mode": plan,
        "verbosity": 0,
        "timeout": READ_SECONDS if plan or name in READS else CHANGE_SECONDS,
        "allow_simultaneous": False,
        "ask_variables_on_launch": False,
        "survey_enabled": bool(questions),
        **({"survey_spec": questions} if questions else {}),
        "notification_templates_error": "{{ awx_notifications }}",
    }


def templates(root: Path = ROOT) -> Spec:
    return {"controller_templates": [template(name, plan, root) for name in playbooks(root) for plan in (False, True)]}


def steps(root: Path = ROOT) -> list[tuple[str, Spec]]:
    """The upgrade's steps by identifier, each with what it runs."""
    there = playbooks(root)
    found: list[tuple[str, Spec]] = []
    for step in UPGRADE:
        if step == "approval":
            node: Spec = {
                "approval_node": {
                    "name": "Approve the upgrade",
                    "description": "The job before this one shows the plan: at the end of its output, and as vaultops_plan "
                    "among its artifacts.",
                    "timeout": APPROVAL_SECONDS,
                }
            }
        elif step == "plan" or step in there:
            runs = title("rolling_upgrade", plan=True) if step == "plan" else title(step)
            node = {"unified_job_template": runs, "lookup_organization": "{{ awx_organization }}"}
        else:
            continue
        again = step in [name for name, _node in found]
        found.append((f"{step}_again" if again else step, node))
    return found


def answers(root: Path = ROOT) -> list[Question]:
    """What the workflow asks for, for all of its steps. Whose lease is taken away is asked where it is taken.

    A word that a step wants typed has to be given here: without it the step would fail when the upgrade is done.
    """
    asks: dict[str, Question] = {}
    for name in [step for step in UPGRADE if step in playbooks(root)]:
        for one in survey(name, root, without=[LEASE]).get("spec", []):
            asks[one["variable"]] = one
            if one["variable"].endswith("_confirm"):
                asks[one["variable"]] = {**one, "required": True, "min": 1}
                del asks[one["variable"]]["default"]
    return list(asks.values())


def workflows(root: Path = ROOT) -> Spec:
    nodes = steps(root)
    following = [name for name, _node in nodes[1:]]
    linked = [
        {"identifier": name, **node, "success_nodes": following[at : at + 1]} for at, (name, node) in enumerate(nodes)
    ]
    upgrade = {
        "name": "{{ awx_prefix }} upgrade with approval",
        "description": "Status, backup, plan, approval, rolling upgrade, fail-over check, status. It ends where a step fails.",
        "organization": "{{ awx_organization }}",
        "allow_simultaneous": False,
        "ask_variables_on_launch": False,
        "survey_enabled": True,
        "survey_spec": {"name": "", "description": "", "spec": answers(root)},
        "notification_templates_approvals": "{{ awx_notifications }}",
        "notification_templates_error": "{{ awx_notifications }}",
        "simplified_workflow_nodes": linked,
    }
    return {"controller_workflows": [upgrade]}


def pattern(root: Path = ROOT) -> Spec:
    """The pattern's definition, whose survey takes words alone as defaults."""
    made = []
    for name in PATTERN_PLAYBOOKS:
        one = {
            "name": f"Vault {name.replace('_', ' ')}",
            "description": header(name, root)["Purpose"],
            "playbook": f"{name}.yml",
            "primary": name == "site",
            "execution_environment": "Vault cluster",
            "ask_credential_on_launch": True,
            "ask_inventory_on_launch": True,
            "labels": ["vault"],
        }
        questions = survey(name, root)
        if questions:
            spec = [
                {key: value for key, value in one.items() if key not in ("min", "max")} for one in questions["spec"]
            ]
            for asks in spec:
                if "default" in asks:
                    asks["default"] = str(asks["default"])
            one["survey"] = {"name": one["name"], "description": one["description"], "spec": spec}
        made.append(one)
    return {
        "schema_version": "1.0.0",
        "name": PATTERN,
        "title": "Run a highly available Vault cluster on AWS",
        "description": "This pattern brings up a HashiCorp Vault cluster on AWS that unseals itself by KMS, looks at it, takes "
        "verified and encrypted snapshots of it, and upgrades it node by node without losing a write.",
        "short_description": "A Vault cluster on AWS: provisioning, deployment, status, backup and rolling upgrade",
        "tags": ["aws", "vault", "security"],
        "aap_resources": {
            "controller_project": {"name": "Vault cluster", "description": "The collection vaultops.cluster."},
            "controller_execution_environment": {
                "name": "Vault cluster",
                "description": "What the playbooks of vaultops.cluster need.",
                "image_name": "vaultops/vaultops-ee",
                "pull": "missing",
            },
            "controller_labels": ["vault"],
            "controller_job_templates": made,
        },
    }


def argument_spec(name: str, root: Path = ROOT) -> Spec:
    known = options(root)
    found: Spec = {}
    for one in asked(name, root):
        option = known[one]
        if option.get("type") in NOT_ASKED:
            continue
        kept = {key: option[key] for key in ("type", "choices", "default", "required") if key in option}
        if "{{" in str(kept.get("default")):
            del kept["default"]
        found[one] = {**kept, "description": text(option["description"])}
    purpose = header(name, root)["Purpose"]
    example = f"- ansible.builtin.import_playbook: vaultops.cluster.{name}\n"
    spec = {"short_description": purpose, "options": found, "examples": example}
    return {"short_description": purpose, "description": purpose, "argument_specs": {name: spec}}


def in_yaml(comment: str, content: t.Any) -> str:
    body = yaml.dump(content, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True)
    return f"---\n{comment}{body}"


def files(root: Path = ROOT) -> dict[Path, str]:
    comment = (
        "# Made by awx/generate.py from the playbooks' headers and the specs of the roles. Change those, then run "
        "'make docs'.\n"
    )
    home = root / "extensions" / "patterns" / PATTERN
    made = {
        root / "awx" / "config" / "templates.yml": in_yaml(comment, templates(root)),
        root / "awx" / "config" / "workflows.yml": in_yaml(comment, workflows(root)),
        home / "meta" / "pattern.json": json.dumps(pattern(root), indent=2) + "\n",
    }
    for name in PATTERN_PLAYBOOKS:
        play = [{"name": header(name, root)["Purpose"], "ansible.builtin.import_playbook": f"vaultops.cluster.{name}"}]
        made[home / "playbooks" / f"{name}.yml"] = in_yaml(comment, play)
        made[home / "playbooks" / f"{name}.meta.yml"] = in_yaml(comment, argument_spec(name, root))
    return made


def main() -> int:
    made = files()
    stale = [path for path, content in made.items() if not path.exists() or path.read_text(encoding="utf-8") != content]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path} is not current. Run 'make docs'.", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
