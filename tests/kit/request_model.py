"""What AWS would refuse of a request before anything else: by the service's own model, with its patterns, enums and limits.

The SDK looks at types alone before it sends a request, and the stand-in takes what it gets. What AWS limits without saying so in
a model stands in DOCUMENTED.
"""

from __future__ import annotations

import functools
import json
import re
import typing as t
import urllib.parse

import botocore.session
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict

_SCOPE = re.compile(r"Credential=[^,/]+/\d+/[^/]+/(?P<service>[^/,]+)/aws4_request")
# What a service's requests are signed for, where its model has another name.
_MODELS = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
_BALANCER = r"(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_GROUP = r"[\w .:/()#,@\[\]+=&;{}!$*-]{1,255}"
# https://docs.aws.amazon.com: "Quotas" of IAM, KMS, S3 and EC2, and the reference of each operation.
DOCUMENTED = {
    ("ec2", "CreateSecurityGroup", "GroupName"): re.compile(rf"(?!sg-){_GROUP}"),
    ("ec2", "CreateSecurityGroup", "Description"): re.compile(_GROUP),
    ("ec2", "RunInstances", "UserData"): re.compile(r"(?s).{0,21848}"),  # 16 KiB, in base64
    ("elbv2", "CreateLoadBalancer", "Name"): re.compile(_BALANCER),
    ("elbv2", "CreateTargetGroup", "Name"): re.compile(_BALANCER),
    ("iam", "CreatePolicy", "PolicyDocument"): re.compile(r"(?:\s*\S){0,6144}\s*"),
    ("iam", "CreatePolicyVersion", "PolicyDocument"): re.compile(r"(?:\s*\S){0,6144}\s*"),
    ("iam", "PutRolePolicy", "PolicyDocument"): re.compile(r"(?:\s*\S){0,10240}\s*"),
    ("iam", "CreateRole", "AssumeRolePolicyDocument"): re.compile(r"(?:\s*\S){0,2048}\s*"),
    ("kms", "CreateKey", "Policy"): re.compile(r"(?s).{0,32768}"),
    ("kms", "PutKeyPolicy", "Policy"): re.compile(r"(?s).{0,32768}"),
    ("s3", "PutBucketPolicy", "Policy"): re.compile(r"(?s).{0,20480}"),
    ("s3", "CreateBucket", "Bucket"): re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]"),
}
# Python's expressions don't know these classes of characters. The models name letters and digits of all languages together.
_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s"}


def problems(method: str, path: str, headers: t.Mapping[str, str], body: bytes) -> list[str]:
    """Why AWS would not take this request. Nothing where nobody signed it: it is not for AWS."""
    signed = {name.lower(): value for name, value in headers.items()}
    scope = _SCOPE.search(signed.get("authorization", ""))
    if not scope:
        return []
    service = _MODELS.get(scope["service"], scope["service"])
    model = get_service_model(service)
    parts = urllib.parse.urlsplit(path)
    query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    content = signed.get("content-type", "")
    # An HTTP client may call any body a form.
    form = service != "s3" and content.startswith("application/x-www-form-urlencoded")
    values = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True) if form else query
    uri: dict[str, str] = {}
    if "x-amz-target" in signed:
        operation = signed["x-amz-target"].rpartition(".")[2]
    elif form:
        operation = dict(values).get("Action", "")
    else:
        operation, uri = _by_path(service, method, urllib.parse.unquote(parts.path), dict(query), signed)
    if operation not in model.operation_names:
        return [f"{service}: {method} {path} is no operation of this service"]
    found = model.operation_model(operation)
    if found.input_shape is None:
        return []
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, content)](found)
    asked = parser.parse(
        {
            "method": method,
            "values": MultiDict(values),
            "headers": Headers(list(headers.items())),
            "body": body,
            "url_path": parts.path,
            "url_params": uri,
        }
    )
    said = list(_problems(found.input_shape, asked, ""))
    said += [
        f"{member}: {_short(asked[member])} is not what AWS documents: {limit.pattern}"
        for (of, name, member), limit in DOCUMENTED.items()
        if (of, name) == (service, operation) and member in asked and not limit.fullmatch(_text(asked[member]))
    ]
    return [f"{service}:{operation} {each}" for each in said]


def _by_path(
    service: str, method: str, path: str, query: t.Mapping[str, str], headers: t.Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """Operation and what the path names: of those that fit, the one that says most of what makes it this operation, and is not
    deprecated."""
    fitting = []
    for name, old, pattern, wanted, members in _paths(service, method):
        named = pattern.fullmatch(path)
        if named and all(query.get(key) == value for key, value in wanted.items()):
            there = [location for location in members if location[1] in (query if location[0] == "q" else headers)]
            if len(there) == len(members):
                fitting.append((len(wanted) + len(there), not old, name, named.groupdict()))
    _most, _new, name, named_by = max(fitting, default=(0, True, "", {}), key=lambda one: one[:2])
    return name, named_by


@functools.cache
def _paths(service: str, method: str) -> list[tuple[str, bool, re.Pattern[str], dict[str, str], list[tuple[str, str]]]]:
    """Name, whether AWS has another one in its place, and what of a request makes it this operation."""
    model = botocore.session.get_session().get_service_model(service)
    found = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.http["method"] != method:
            continue
        template, _, static = operation.http["requestUri"].partition("?")
        # A client takes the bucket out of the first one, of what all clients share.
        template = operation.http.get("authPath", template)
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}", lambda one: f"(?P<{one[1]}>{'.+' if one[2] else '[^/]+'})", re.escape(template)
        )
        shape = operation.input_shape
        members = [
            ("q" if member.serialization["location"] == "querystring" else "h", member.serialization["name"].lower())
            if member.serialization["location"] == "header"
            else ("q", member.serialization["name"])
            for key, member in (shape.members.items() if shape else ())
            if key in shape.required_members and member.serialization.get("location") in ("querystring", "header")
        ]
        wanted = dict(urllib.parse.parse_qsl(static, keep_blank_values=True))
        found.append((name, operation.deprecated, re.compile(pattern.rstrip("/") + "/?"), wanted, members))
    return found


def _problems(shape: t.Any, value: t.Any, where: str) -> t.Iterator[str]:
    if value is None:
        return
    if shape.type_name == "structure":
        below = f"{where}." if where else ""
        yield from (f"{below}{name} is missing" for name in shape.required_members if value.get(name) is None)
        for name, member in shape.members.items():
            yield from _problems(member, value.get(name), f"{below}{name}")
    elif shape.type_name == "list":
        for each in value:
            yield from _problems(shape.member, each, where)
    elif shape.type_name == "map":
        for key, each in value.items():
            yield from _problems(shape.key, key, where)
            yield from _problems(shape.value, each, f"{where}.{key}")
    yield from (f"{where}: {said}" for said in _limits(shape.type_name, shape.metadata, value))


def _limits(kind: str, limits: t.Mapping[str, t.Any], value: t.Any) -> t.Iterator[str]:
    if kind in ("integer", "long", "float", "double"):
        size: t.Any = value
    elif kind in ("string", "blob", "list", "map"):
        size = len(value)
    else:
        return
    if size < limits.get("min", size) or size > limits.get("max", size):
        yield f"{_short(value)} is {size}, and may be {limits.get('min', 0)} to {limits.get('max', 'any')}"
    if kind != "string":
        return
    if "enum" in limits and value not in limits["enum"]:
        yield f"{_short(value)} is none of {', '.join(limits['enum'])}"
    if "pattern" in limits and not _pattern(limits["pattern"]).fullmatch(value):
        yield f"{_short(value)} does not match {limits['pattern']}"


@functools.cache
def _pattern(pattern: str) -> re.Pattern[str]:
    for unknown, known in _CLASSES.items():
        pattern = pattern.replace(unknown, known)
    return re.compile(pattern)


def _text(value: t.Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _short(value: t.Any) -> str:
    text = json.dumps(value, default=_text)
    return text if len(text) < 100 else f"{text[:100]}..."
