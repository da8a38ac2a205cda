"""A stand-in for the API of an AWX, as far as awx/apply.yml goes, on 127.0.0.1. It keeps what it is given, refuses what an AWX
would, and what neither AWX's own client (awxkit) nor the documentation of the modules knows.

    with AwxStandIn(options) as awx:
        ...
    assert awx.problems == []
    assert awx.writes == []
"""

from __future__ import annotations

import http.server
import json
import re
import threading
import typing as t
import urllib.parse

from awxkit.api import pages
from awxkit.api.pages.page import get_registered_page
from awxkit.utils import PseudoNamespace

ROOT = "/api/v2/"
# What each collection is called in the singular, whose module and which of awxkit's pages make one.
KINDS: dict[str, tuple[str, t.Any]] = {
    "organizations": ("organization", pages.Organization),
    "credential_types": ("credential_type", pages.CredentialType),
    "credentials": ("credential", pages.Credential),
    "execution_environments": ("execution_environment", pages.ExecutionEnvironment),
    "projects": ("project", pages.Project),
    "inventories": ("inventory", pages.Inventory),
    "inventory_sources": ("inventory_source", pages.InventorySource),
    "notification_templates": ("notification_template", pages.NotificationTemplate),
    "job_templates": ("job_template", pages.JobTemplate),
    "workflow_job_templates": ("workflow_job_template", pages.WorkflowJobTemplate),
    "workflow_job_template_nodes": ("workflow_job_template_node", pages.WorkflowJobTemplateNode),
    "workflow_approval_templates": ("workflow_approval_template", None),
    # awxkit posts what it is given.
    "schedules": ("schedule", None),
}
UNIFIED = ("projects", "inventory_sources", "job_templates", "workflow_job_templates", "workflow_approval_templates")
# What the modules send along and AWX makes itself, as a template's organisation is its project's; and a field that AWX has and
# its client sends of no inventory source.
NOT_SENT_BY_AWXKIT = {
    "job_templates": {"organization"},
    "credential_types": {"managed"},
    "workflow_job_template_nodes": {"type"},
    "inventories": {"host_filter"},
    "inventory_sources": {"execution_environment"},
}
NO_OPTION = {"managed", "type"}
FOREIGN = {
    "organization": "organizations",
    "credential_type": "credential_types",
    "credential": "credentials",
    "execution_environment": "execution_environments",
    "default_environment": "execution_environments",
    "project": "projects",
    "source_project": "projects",
    "inventory": "inventories",
    "workflow_job_template": "workflow_job_templates",
    "unified_job_template": "unified_job_templates",
}
ASSOCIATED = {
    "credentials": "credentials",
    "success_nodes": "workflow_job_template_nodes",
    "notification_templates_error": "notification_templates",
    "notification_templates_approvals": "notification_templates",
}
SURVEY_TYPES = {
    "text": str,
    "textarea": str,
    "password": str,
    "integer": int,
    "float": float,
    "multiplechoice": str,
    "multiselect": list,
}
Body = dict[str, t.Any]


def survey_problems(body: Body) -> list[str]:
    """What an AWX has against a survey."""
    parts = {"name": str, "description": str, "spec": list}
    found = [f"a survey needs {key}" for key, kind in parts.items() if not isinstance(body.get(key), kind)]
    if found or not body["spec"]:
        return found or ["a survey needs questions"]
    seen: set[str] = set()
    for question in body["spec"]:
        name = question.get("variable", "?")
        kind = question.get("type")
        found += [
            f"{name} lacks {key}" for key in ("type", "question_name", "variable", "required") if key not in question
        ]
        if kind not in SURVEY_TYPES:
            found.append(f"{name} is of the type {kind}")
            continue
        if name in seen:
            found.append(f"{name} is asked for twice")
        seen.add(name)
        if kind.startswith("multi") and not question.get("choices"):
            found.append(f"{name} has no choices")
            continue
        default = question.get("default", "")
        if default != "" and answer_problems(question, default):
            found.append(f"{name} has a default that is no answer")
    return found


def answer_problems(question: Body, answer: t.Any) -> list[str]:
    """What an AWX has against an answer to a question of a survey, when a job is launched."""
    name, kind = question["variable"], question["type"]
    if kind == "multiplechoice":
        return [] if answer in question["choices"] else [f"{name}: {answer!r} is none of {question['choices']}"]
    wanted = (int, float) if kind == "float" else SURVEY_TYPES[kind]
    if not isinstance(answer, wanted) or isinstance(answer, bool):
        return [f"{name}: {answer!r} is no {kind}"]
    size = len(answer) if isinstance(answer, (str, list)) else answer
    return [f"{name}: {answer!r} is too long or too great"] if "max" in question and size > question["max"] else []


class AwxStandIn:
    """*options*: those of each module, by its name."""

    def __init__(self, options: t.Mapping[str, t.Mapping[str, Body]]) -> None:
        self.options = options
        self.problems: list[str] = []
        # (method, path, body) of what was to change something.
        self.writes: list[tuple[str, str, Body]] = []
        self.kept: dict[str, dict[int, Body]] = {name: {} for name in KINDS}
        self._associated: dict[tuple[str, int, str], list[int]] = {}
        self._surveys: dict[tuple[str, int], Body] = {}
        self._last = 0
        self._add("organizations", {"name": "Default"})
        for name, kind in (("Amazon Web Services", "cloud"), ("Machine", "ssh")):
            self._add("credential_types", {"name": name, "kind": kind, "managed": True})

    def __enter__(self) -> AwxStandIn:
        standin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}")
                parts = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(parts.query))
                if self.headers.get("Authorization") != "Bearer a-token":
                    status, answer = 401, {"detail": "no token"}
                else:
                    status, answer = standin.answer(self.command, parts.path, query, body)
                data = b"" if status == 204 else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer

            def log_message(self, *_args: t.Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def named(self, collection: str) -> dict[str, Body]:
        return {one.get("name") or one["identifier"]: one for one in self.kept[collection].values()}

    def survey(self, collection: str, item: Body) -> Body:
        return self._surveys.get((collection, item["id"]), {})

    def associated(self, collection: str, item: Body, what: str) -> list[Body]:
        return [self.kept[ASSOCIATED[what]][one] for one in self._associated.get((collection, item["id"], what), [])]

    def answer(self, method: str, path: str, query: dict[str, str], body: Body) -> tuple[int, t.Any]:
        if method != "GET":
            self.writes.append((method, path, body))
        wrong = self._unknown_to_awxkit(method, path)
        found = re.fullmatch(ROOT + r"(\w+)/(?:(\d+)/(?:(\w+)/)?)?", path)
        if wrong or not found:
            return self._refuse(404, wrong or [f"there is no {path}"])
        collection, number, part = found[1], int(found[2] or 0), found[3]
        if not number:
            return self._list(collection, query) if method == "GET" else self._create(collection, body)
        if number not in self.kept.get(collection, {}):
            return self._refuse(404, [f"there is no {path}"])
        if not part:
            return self._change(method, collection, number, body)
        if part == "survey_spec":
            return self._survey(method, collection, number, body)
        if part == "create_approval_template":
            return self._approval(number, body)
        return self._associate(method, collection, number, part, body)

    def _refuse(self, status: int, problems: list[str]) -> tuple[int, Body]:
        self.problems += problems
        return status, {"detail": "; ".join(problems), "error": "; ".join(problems)}

    @staticmethod
    def _unknown_to_awxkit(method: str, path: str) -> list[str]:
        page = get_registered_page(path, method.lower())
        return [f"awxkit has no page for {method} {path}"] if page in (None, pages.Base) else []

    def _list(self, collection: str, query: dict[str, str]) -> tuple[int, Body]:
        among = UNIFIED if collection == "unified_job_templates" else (collection,)
        found = [
            one
            for name in among
            for one in self.kept[name].values()
            if all(str(one.get(key)) == value for key, value in query.items())
        ]
        return 200, {"count": len(found), "next": None, "previous": None, "results": found}

    def _body_problems(self, collection: str, body: Body) -> list[str]:
        singular, page = KINDS[collection]
        found = []
        options = self.options[singular]
        for key, value in body.items():
            if key in NO_OPTION:
                continue
            if key not in options:
                found.append(f"{singular}: {key} is no option of the module")
            elif options[key].get("choices") and value not in options[key]["choices"]:
                found.append(f"{singular}: {key} is {value!r}, none of the module's choices")
            if FOREIGN.get(key) and value is not None and not self._there(FOREIGN[key], value):
                found.append(f"{singular}: {key} {value!r} does not exist")
        if page is not None and not found:
            found += [
                f"{singular}: awxkit sends no {key}"
                for key in sorted(set(body) - set(self._sent_by_awxkit(page, collection, body)))
                if key not in NOT_SENT_BY_AWXKIT.get(collection, ())
            ]
        return found

    def _there(self, collection: str, number: t.Any) -> bool:
        among = UNIFIED if collection == "unified_job_templates" else (collection,)
        return any(number in self.kept[name] for name in among)

    def _sent_by_awxkit(self, page: t.Any, collection: str, body: Body) -> Body:
        """What AWX's own client would post, were it asked for the same."""
        given = {
            key: PseudoNamespace(self.kept[FOREIGN[key]][value])
            if key in FOREIGN and value is not None and FOREIGN[key] in self.kept
            else value
            for key, value in body.items()
        }
        if collection == "inventory_sources":
            given["project"] = given.pop("source_project", None)
        if collection == "workflow_job_template_nodes":
            unified = given.get("unified_job_template")
            given["unified_job_template"] = PseudoNamespace(id=unified) if unified else None
        made: Body = page(connection=object()).payload(**given)
        return {key: value for key, value in made.items() if body.get(key, value) == value}

    def _add(self, collection: str, body: Body) -> Body:
        self._last += 1
        url = f"{ROOT}{collection}/{self._last}/"
        related = {part: f"{url}{part}/" for part in ("survey_spec", *ASSOCIATED)}
        related["create_approval_template"] = f"{url}create_approval_template/"
        singular = KINDS[collection][0]
        made = {"scm_revision": "", "summary_fields": {}, **body, "id": self._last}
        made |= {"type": singular, "url": url, "related": related}
        self.kept[collection][self._last] = made
        return made

    def _create(self, collection: str, body: Body) -> tuple[int, Body]:
        problems = self._body_problems(collection, body)
        return self._refuse(400, problems) if problems else (201, self._add(collection, body))

    def _change(self, method: str, collection: str, number: int, body: Body) -> tuple[int, Body]:
        item = self.kept[collection][number]
        if method == "PATCH":
            whole = {key: value for key, value in {**item, **body}.items() if key in body}
            problems = [] if collection == "workflow_approval_templates" else self._body_problems(collection, whole)
            if problems:
                return self._refuse(400, problems)
            item.update(body)
        return 200, item

    def _survey(self, method: str, collection: str, number: int, body: Body) -> tuple[int, Body]:
        if method == "POST":
            problems = survey_problems(body)
            if problems:
                return self._refuse(400, problems)
            self._surveys[collection, number] = body
        return 200, self._surveys.get((collection, number), {})

    def _approval(self, number: int, body: Body) -> tuple[int, Body]:
        if set(body) - {"name", "description", "timeout"} or not isinstance(body.get("timeout"), int):
            return self._refuse(400, [f"an approval is not made of {sorted(body)}"])
        made = self._add("workflow_approval_templates", body)
        node = self.kept["workflow_job_template_nodes"][number]
        node["unified_job_template"] = made["id"]
        node["related"]["unified_job_template"] = made["url"]
        return 201, made

    def _associate(self, method: str, collection: str, number: int, what: str, body: Body) -> tuple[int, t.Any]:
        if what not in ASSOCIATED:
            return self._refuse(404, [f"{collection} have no {what} here"])
        there = self._associated.setdefault((collection, number, what), [])
        if method == "POST":
            if body["id"] not in self.kept[ASSOCIATED[what]]:
                return self._refuse(400, [f"{what}: {body['id']} does not exist"])
            if body.get("disassociate"):
                there.remove(body["id"])
            else:
                there.append(body["id"])
            return 204, {}
        found = [self.kept[ASSOCIATED[what]][one] for one in there]
        return 200, {"count": len(found), "next": None, "previous": None, "results": found}
