"""What a survey takes, and what refuses an answer of the wrong type: the survey itself, or the first play of every playbook."""

from __future__ import annotations

import re

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import inputs, known_inputs
from kit.awx import data, module_of
from kit.awx_standin import answer_problems, survey_problems
from kit.inputs import GOOD, nodes
from kit.paths import ROOT

generate = module_of("awx/generate.py", "awx_generate")
KNOWN = generate.options()
ASKING = {one["name"]: one["survey_spec"] for one in data()["controller_templates"] if "survey_spec" in one}
WORKFLOWS = {one["name"]: one["survey_spec"] for one in data()["controller_workflows"]}
QUESTIONS = {one["variable"]: one for survey in ASKING.values() for one in survey["spec"]}
ASKING |= WORKFLOWS
# What a workflow can't do without: whether it has to be answered, and what is offered.
ANSWER = {"required", "default", "min"}
WRONG = {"text": ["a", "list"], "integer": "ten", "float": "much", "multiplechoice": "neither"}
# What is typed for one run, and destroys or takes something from somebody. No form may have typed it.
TYPED = {
    "vault_decommission",
    "vault_failover_confirm",
    "vault_leaving",
    "vault_lease_take_over",
    "vault_regain_cancel",
    "vault_regain_confirm",
    "vault_rekey_confirm",
    "vault_restore_confirm",
}
ALLOWED = {"vault_accept_lost_tolerance", "vault_lease_without_nodes", "vault_restore_any_key"}


@pytest.mark.parametrize("name", ASKING)
def test_awx_takes_the_survey(name):
    assert survey_problems(ASKING[name]) == []


@pytest.mark.parametrize("name", ASKING)
def test_the_same_question_is_asked_in_the_same_words(name):
    differing = [one for one in ASKING[name]["spec"] if one != QUESTIONS[one["variable"]]]
    assert [one["variable"] for one in differing] == (["vault_failover_confirm"] if name in WORKFLOWS else [])
    for one in differing:
        asked = QUESTIONS[one["variable"]]
        assert {key: one[key] for key in one.keys() - ANSWER} == {key: asked[key] for key in asked.keys() - ANSWER}


def test_a_workflow_is_not_begun_without_the_words_that_its_steps_want():
    asked = [one for survey in WORKFLOWS.values() for one in survey["spec"] if one["variable"].endswith("_confirm")]
    assert [one["variable"] for one in asked] == ["vault_failover_confirm"]
    assert all(one["required"] and "default" not in one and one["min"] == 1 for one in asked)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_about_a_known_input_and_says_what_it_means(name):
    assert name in KNOWN
    assert QUESTIONS[name]["question_description"].endswith(".")
    assert not any(mark in QUESTIONS[name]["question_description"] for mark in ("V(", "O(", "C("))
    # A password would be kept encrypted, and would be one that somebody types into a form.
    assert QUESTIONS[name]["type"] in WRONG


@pytest.mark.parametrize("name", [name for name, one in QUESTIONS.items() if "default" in one])
def test_an_answer_that_is_offered_is_one(name):
    default = QUESTIONS[name]["default"]
    if default != "":
        assert answer_problems(QUESTIONS[name], default) == []
        assert known_inputs.problems({"localhost": {name: default}}, KNOWN, []) == []


def about_version(version):
    return [said for said in inputs.problems(nodes(), {**GOOD, "version": version}) if "vault_version" in said]


def test_what_has_to_be_answered_has_an_answer_that_works():
    required = [one for one in QUESTIONS.values() if one["required"]]
    assert required
    for one in required:
        assert one["default"] not in (None, "")
    assert [one["default"] for one in required if one["variable"] == "vault_version"] == [
        generate.offered()["vault_version"]
    ]
    assert about_version(QUESTIONS["vault_version"]["default"]) == []


def test_whoever_answers_nothing_destroys_nothing():
    assert set(QUESTIONS) >= TYPED | ALLOWED
    assert {name: QUESTIONS[name].get("default", "") for name in TYPED} == dict.fromkeys(TYPED, "")
    assert {QUESTIONS[name]["default"] for name in ALLOWED} == {"false"}
    assert [name for name in QUESTIONS if "confirm" in name and QUESTIONS[name].get("default") != ""] == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_of_the_wrong_type_is_refused_by_the_survey(name):
    assert len(answer_problems(QUESTIONS[name], WRONG[QUESTIONS[name]["type"]])) == 1


@pytest.mark.parametrize("name", [name for name, one in QUESTIONS.items() if one["type"] != "text"])
def test_and_past_the_survey_by_the_first_play_in_one_sentence(name):
    (said,) = known_inputs.problems({"localhost": {name: WRONG[QUESTIONS[name]["type"]]}}, KNOWN, [])
    assert name in said and WRONG[QUESTIONS[name]["type"]] not in said


@pytest.mark.parametrize("version", ["", "1.21", "latest", "v1.21.1"])
def test_a_version_that_is_none_is_refused_in_one_sentence(version):
    (said,) = about_version(version)
    assert said == f"vault_version is '{version}'. Give the whole version, such as 1.21.1."


def test_what_is_wrong_with_a_survey_is_noticed():
    """That the two judges of this file can say no."""
    good = ASKING["Vault rolling upgrade"]
    (question, *_rest) = good["spec"]
    assert survey_problems({**good, "spec": []}) != []
    assert survey_problems({**good, "spec": [question, question]}) != []
    assert survey_problems({**good, "spec": [{**question, "type": "word"}]}) != []
    assert survey_problems({**good, "spec": [{**question, "default": 1}]}) != []
    assert survey_problems({**good, "spec": [{**question, "type": "multiplechoice"}]}) != []
    assert answer_problems({**question, "max": 3}, "four") != []


YES_OR_NO = [name for name, one in QUESTIONS.items() if KNOWN[name]["type"] == "bool"]


@pytest.mark.parametrize("name", YES_OR_NO)
def test_a_no_is_taken_for_one(name):
    """An answer is a word, as -e gives it, and the word 'false' is true in a template. A module reads its own options."""
    assert QUESTIONS[name]["choices"] == ["true", "false"]
    files = [
        *(ROOT / "playbooks").rglob("*.yml"),
        *(ROOT / "roles").rglob("tasks/*.yml"),
        *(ROOT / "roles").rglob("vars/*.yml"),
    ]
    lines = [line for path in files for line in path.read_text().splitlines() if not line.startswith("#")]
    uses = [line for line in lines if re.search(rf"\b{name}\b", line)]
    assert uses
    for line in uses:
        read_by_a_module = re.fullmatch(rf'\s+\w+: "{{{{ {name} }}}}"', line)
        assert read_by_a_module or not re.search(rf"\b{name}\b(?! \| bool)", line), line


def test_the_page_names_the_questions_as_awx_shows_them():
    rows = re.findall(r"\| `(Vault [a-z ]+)` \| \*([\w ]+)\* \|", (ROOT / "docs" / "awx.md").read_text())
    assert len(rows) >= 3
    for template, name in rows:
        assert name in [one["question_name"] for one in ASKING[template]["spec"]]
