"""awx/apply.yml against a stand-in for an AWX: what it sends is what AWX's own client would send, and it sends it once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import types
import typing as t

import pytest
from awxkit.api import pages
from awxkit.api.client import Connection
from kit.awx import MODULES, data, module_options
from kit.awx_standin import FOREIGN, KINDS, AwxStandIn
from kit.paths import ROOT

COLLECTIONS = {singular: name for name, (singular, _page) in KINDS.items()}
DATA = data()
# What is part of an item and has an address of its own.
ELSEWHERE = {
    "survey_spec",
    "credentials",
    "notification_templates_error",
    "notification_templates_approvals",
    "simplified_workflow_nodes",
}
# By what these are found, and no field of theirs.
OF_NO_ORGANIZATION = {"controller_inventory_sources", "controller_schedules"}


def apply(url: str, *options: str, token: str = "a-token") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CONTROLLER_HOST": url, "CONTROLLER_OAUTH_TOKEN": token}
    return subprocess.run(
        ["ansible-playbook", "awx/apply.yml", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def awx() -> t.Iterator[AwxStandIn]:
    with AwxStandIn(module_options()) as standin:
        yield standin


@pytest.fixture(scope="module")
def runs(awx):
    """What each of two runs said, and wrote."""
    found = []
    for _number in range(2):
        awx.writes.clear()
        done = apply(awx.url)
        found.append(
            types.SimpleNamespace(said=done.stdout + done.stderr, code=done.returncode, wrote=list(awx.writes))
        )
    return found


def test_an_empty_awx_is_given_all_of_it(awx, runs):
    assert runs[0].code == 0, runs[0].said
    assert awx.problems == []
    for name, module in MODULES.items():
        assert {one["name"] for one in DATA[name]} <= set(awx.named(COLLECTIONS[module])), name


def test_nothing_is_sent_a_second_time(runs):
    assert runs[1].code == 0, runs[1].said
    assert runs[1].wrote == []
    assert "changed=0 " in runs[1].said


def test_nothing_secret_is_sent_and_nothing_is_removed(runs):
    for method, path, body in runs[0].wrote:
        assert method in ("POST", "PATCH")
        assert not path.endswith("/credentials/") or not body.get("inputs")


@pytest.mark.parametrize("name", MODULES)
def test_an_awx_holds_what_the_data_says(awx, runs, name):
    collection = COLLECTIONS[MODULES[name]]
    for item in DATA[name]:
        kept = awx.named(collection)[item["name"]]
        skipped = ELSEWHERE | ({"organization"} if name in OF_NO_ORGANIZATION else set())
        for key in set(item) - skipped:
            # An id stands for a name, and the stand-in has seen that it exists.
            assert kept[key] == item[key] or key in FOREIGN and kept[key] > 0, (item["name"], key)
        if "survey_spec" in item:
            assert awx.survey(collection, kept) == item["survey_spec"]
        if "credentials" in item:
            names = [one["name"] for one in awx.associated(collection, kept, "credentials")]
            assert sorted(names) == sorted(item["credentials"])


def test_the_steps_of_the_workflow_follow_each_other(awx, runs):
    (workflow,) = DATA["controller_workflows"]
    kept = awx.named("workflow_job_template_nodes")
    names = {
        one["id"]: one["name"]
        for kind in ("job_templates", "workflow_approval_templates")
        for one in awx.kept[kind].values()
    }
    for node in workflow["simplified_workflow_nodes"]:
        own = kept[node["identifier"]]
        following = awx.associated("workflow_job_template_nodes", own, "success_nodes")
        assert [one["identifier"] for one in following] == node["success_nodes"]
        wanted = node.get("unified_job_template") or node["approval_node"]["name"]
        assert names[own["unified_job_template"]] == wanted


def test_the_client_of_awx_reads_a_survey(awx, runs):
    connection = Connection(awx.url)
    connection.login(token="a-token", auth_type="Bearer")
    found = pages.JobTemplates(connection, endpoint="/api/v2/job_templates/").get(name="Vault rolling upgrade")
    survey = found.results[0].related.survey_spec.get()
    assert survey.get_required_vars() == ["vault_version"]


def test_what_somebody_changed_is_put_right_and_nothing_else_is_written(awx, runs):
    template = awx.named("job_templates")["Vault restore"]
    template["allow_simultaneous"] = True
    credential = awx.named("credentials")["Vault AWS"]
    credential["inputs"] = {"username": "x", "password": "$encrypted$"}
    # These alone, since each item is a second.
    few = {name: [one for one in DATA[name] if one["name"] in ("Vault restore", "Vault AWS")] for name in MODULES}
    awx.writes.clear()
    checked = apply(awx.url, "--check", "-e", json.dumps(few))
    assert awx.writes == []
    assert "changed=1 " in checked.stdout
    assert apply(awx.url, "-e", json.dumps(few)).returncode == 0
    assert [(method, path) for method, path, _body in awx.writes] == [("PATCH", template["url"])]
    assert template["allow_simultaneous"] is False
    assert credential["inputs"]["username"] == "x"


def test_who_names_no_awx_is_told_so():
    done = apply("")
    assert done.returncode == 2
    assert "CONTROLLER_HOST is not set, so it is not known which AWX is meant." in done.stdout + done.stderr


def test_an_awx_that_does_not_know_the_token_ends_the_run(awx):
    awx.writes.clear()
    done = apply(awx.url, token="another")
    assert done.returncode == 2 and "HTTP 401" in done.stdout + done.stderr
    assert awx.writes == []


def test_what_an_awx_or_its_client_does_not_know_is_refused(awx, runs):
    """That the stand-in can say no."""
    organization = awx.named("organizations")["Default"]["id"]
    template = {"name": "x", "organization": organization, "verbosity": 0}
    refused = [
        ("POST", "/api/v2/job_templates/", {**template, "allow_everything": True}),
        ("POST", "/api/v2/job_templates/", {**template, "verbosity": 9}),
        ("POST", "/api/v2/job_templates/", {**template, "project": 99999}),
        (
            "POST",
            "/api/v2/projects/",
            {"name": "x", "organization": organization, "scm_url": "https://x", "update_project": True},
        ),
        ("POST", "/api/v2/schedules/", {"name": "x", "rule": "daily"}),
        ("POST", "/api/v2/nothing/", {"name": "x"}),
        (
            "POST",
            f"/api/v2/job_templates/{awx.named('job_templates')['Vault status']['id']}/survey_spec/",
            {"spec": []},
        ),
    ]
    before = list(awx.problems)
    for method, path, body in refused:
        awx.problems.clear()
        assert awx.answer(method, path, {}, body)[0] >= 400, (path, body)
        assert awx.problems != []
    awx.problems[:] = before


def test_a_checkout_finds_itself_as_awx_installs_it(tmp_path):
    """AWX clones the repository, installs collections/requirements.yml beside it, and runs a playbook of the clone."""
    project, installed = tmp_path / "project", tmp_path / "installed"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, project / name)
    environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_COLLECTIONS_PATH": str(installed)}
    # The tests' own way to the checkout.
    del environment["PYTHONPATH"]
    # What galaxy.yml depends on comes with the execution environment.
    install = ["ansible-galaxy", "collection", "install", "-r", "collections/requirements.yml", "-p", str(installed)]
    check = ["ansible-playbook", "-i", "inventories/example/hosts.yml", "--syntax-check", "playbooks/status.yml"]
    for command in ([*install, "--no-deps", "--offline"], check):
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    built = installed / "ansible_collections" / "vaultops" / "cluster"
    assert (built / "playbooks" / "status.yml").exists()
    assert (built / "extensions" / "patterns").exists() and not (built / "collections").exists()
