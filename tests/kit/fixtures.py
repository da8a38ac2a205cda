"""What tests on loopback share: an AWS, a module that runs, certificates, a node that backs up."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import io
import json
import logging
import socketserver
import typing as t
from pathlib import Path
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from kit import request_model
from labkit import moto_volumes
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
# What AWS would not have taken of what was asked so far.
_NOT_TAKEN: list[str] = []


@contextlib.contextmanager
def given(arguments: dict[str, t.Any]) -> t.Iterator[None]:
    """Have a module find its arguments, on every ansible-core."""
    # A process is a module, and keeps what it warned of.
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()
    try:
        from ansible.module_utils import _internal
        from ansible.module_utils.testing import patch_module_args
    except ImportError:
        text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", text):
            yield
        return
    # Where other tests have loaded Ansible's controller, what a module warns of would not be in its result.
    with mock.patch.object(_internal, "is_controller", False), patch_module_args(arguments):
        yield


def _copied(node: dict[str, t.Any]) -> dict[str, t.Any]:
    """What botocore's trie of handlers makes of itself for each client, without a look at what each part is."""
    values = node["values"]
    return {
        "chunk": node["chunk"],
        "children": {name: _copied(child) for name, child in node["children"].items()},
        "values": values and type(values)(*map(list, values)),
    }


@pytest.fixture(scope="session", autouse=True)
def _models() -> t.Iterator[None]:
    """What botocore finds out anew for each session, it finds out once: that was three quarters of what tests of AWS took."""
    from botocore import hooks, utils
    from botocore.client import ClientCreator
    from botocore.loaders import JSONFileLoader, Loader
    from botocore.session import Session

    parsed = functools.cache(functools.partial(JSONFileLoader._load_file, JSONFileLoader()))
    services = functools.cache(functools.partial(Loader.list_available_services, Loader()))
    methods: dict[str, dict[str, t.Any]] = {}
    create_methods = ClientCreator._create_methods
    aliased: dict[str, str] = {}
    made, accepts = hooks.EventAliaser.__init__, hooks.accepts_kwargs

    def aliaser(self: t.Any, emitter: t.Any, aliases: t.Any = None) -> None:
        made(self, emitter, aliases)
        if self._event_aliases == hooks.EVENT_ALIASES:
            self._alias_name_cache = aliased

    def copied(self: t.Any) -> t.Any:
        new = type(self)()
        new._root = _copied(self._root)
        return new

    registers = Session._register_builtin_handlers
    registered: list[t.Any] = []

    def register(self: t.Any, events: t.Any) -> None:
        # Nothing but botocore's own list, which is the same for all of them.
        if not registered:
            registers(self, events)
            registered.append(copy.copy(events._emitter))
        events._emitter = copy.copy(registered[0])

    def created(self: t.Any, model: t.Any) -> dict[str, t.Any]:
        # A method knows its name, and nothing of the session.
        name = model.service_name
        if name not in methods:
            methods[name] = create_methods(self, model)
        return dict(methods[name])

    def accepts_kwargs(function: t.Any) -> t.Any:
        code = getattr(function, "__code__", None)
        return code.co_flags & inspect.CO_VARKEYWORDS if code else accepts(function)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "_load_file", lambda _loader, *arguments: parsed(*arguments))
        patch.setattr(
            Loader, "list_available_services", lambda _loader, *arguments, **more: services(*arguments, **more)
        )
        patch.setattr(ClientCreator, "_create_methods", created)
        patch.setattr(hooks.EventAliaser, "__init__", aliaser)
        patch.setattr(hooks, "accepts_kwargs", accepts_kwargs)
        patch.setattr(hooks._PrefixTrie, "__copy__", copied)
        patch.setattr(Session, "_register_builtin_handlers", register)
        # For the metadata service, which no test asks: each session looked through the environment for a proxy to it.
        patch.setattr(utils, "get_environ_proxies", lambda _url: {})
        yield


@pytest.fixture(scope="session", autouse=True)
def _services() -> t.Iterator[None]:
    """What moto looks up for each request, it looks up once; a key that only encrypts gets no RSA key of its own; and what
    moto lacks."""
    from moto import backends
    from moto.core import responses
    from moto.kms import models

    modules = tuple(backends.list_of_moto_modules())
    generate = models.generate_private_key
    unused = functools.cache(generate)

    def generated(spec: str) -> t.Any:
        return (unused if spec == "SYMMETRIC_DEFAULT" else generate)(spec)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends, "list_of_moto_modules", lambda: modules)
        patch.setattr(responses, "method_names_from_class", functools.cache(responses.method_names_from_class))
        patch.setattr(models, "generate_private_key", generated)
        for where, name, replacement in moto_volumes.replacements():
            patch.setattr(where, name, replacement, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def _at_once() -> t.Iterator[None]:
    """An answer's body goes out without a wait for what the client says of its headers, which is 40 ms each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socketserver.StreamRequestHandler, "disable_nagle_algorithm", True)
        yield


@contextlib.contextmanager
def _aws_server() -> t.Iterator[str]:
    """A stand-in for AWS that compares each request with the model of its service on the way."""
    from moto.moto_server import threaded_moto_server

    make = threaded_moto_server.DomainDispatcherApplication

    def watched(create: t.Any) -> t.Any:
        app = make(create)

        def application(environ: dict[str, t.Any], start_response: t.Any) -> t.Any:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
            headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
            path = environ.get("RAW_URI") or environ["REQUEST_URI"]
            _NOT_TAKEN.extend(request_model.problems(environ["REQUEST_METHOD"], path, headers, body))
            return app(environ, start_response)

        return application

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threaded_moto_server, "DomainDispatcherApplication", watched)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def _requests_that_aws_takes() -> t.Iterator[None]:
    """Also those of the fixtures that a test was the first to use."""
    yield
    said, _NOT_TAKEN[:] = list(dict.fromkeys(_NOT_TAKEN)), []
    assert not said, "AWS would not take:\n" + "\n".join(said)


@pytest.fixture(scope="session")
def _moto() -> t.Iterator[str]:
    with _aws_server() as url:
        yield url


@pytest.fixture
def aws(_moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty AWS account."""
    import boto3
    import requests
    from urllib3.util.retry import Retry

    # A server under load resets a connection now and then, and to forget twice is to forget once.
    with requests.Session() as session:
        retry = Retry(total=3, allowed_methods=None, backoff_factor=0.1)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        session.post(f"{_moto}/moto-api/reset", timeout=5).raise_for_status()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unit")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unit")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    boto3.setup_default_session()
    return _moto


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> t.Callable[..., dict[str, t.Any]]:
    """Run a module's main() as Ansible would, and return what it prints."""

    def run(module: t.Any, check: bool = False, **params: t.Any) -> dict[str, t.Any]:
        arguments = {**params, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp"}
        capsys.readouterr()
        with given(arguments), contextlib.suppress(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> t.Any:
    from kit.backup_stage import Certificates

    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def stage(tmp_path: Path, certificates: t.Any, aws: str) -> t.Iterator[t.Any]:
    """A node that backs up: its Vault, its key and its bucket."""
    from kit.backup_stage import SMALL, Stage, VaultStandIn, whole

    with VaultStandIn(certificates, whole(SMALL)) as vault:
        yield Stage(tmp_path, certificates, vault, aws)


# Which AWS itself provides, as far as tests name them.
POLICIES_OF_AWS = ("AmazonSSMManagedInstanceCore", "PowerUserAccess")


@pytest.fixture(scope="module")
def stand_in() -> t.Iterator[str]:
    """URL of an AWS on loopback, for tests that need no machines."""
    from moto.iam import models

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        # All of them would take a second and a half for each account that a test asks for.
        theirs = json.loads(models.aws_managed_policies_data)
        patch.setattr(models, "aws_managed_policies_data", json.dumps({name: theirs[name] for name in POLICIES_OF_AWS}))
        # Its log of each request would bury what a failed test has to say.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        with _aws_server() as url:
            yield url
