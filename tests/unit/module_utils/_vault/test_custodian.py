"""Init and custody together: what may fail, who may be at it as well, and that the keys outlive it."""

from __future__ import annotations

import contextlib
import errno
import http.server
import json
import os
import subprocess
import tempfile
import threading
import typing as t

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import record as records
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import sinks
from ansible_collections.vaultops.cluster.plugins.module_utils._custody.journal import open_home
from ansible_collections.vaultops.cluster.plugins.module_utils._objects import homes
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.init import custodian
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.init.state import matters, plan
from ansible_collections.vaultops.cluster.plugins.modules import vault_init
from labkit.settings import REGION

TOKEN = "hvs.the-root-token-that-must-not-get-lost"
ANSWER = {"recovery_keys_base64": [f"key-{n}".ljust(44, "=") for n in range(5)], "root_token": TOKEN}
BODY = {"recovery_shares": 5, "recovery_threshold": 3}
CLUSTER_ID = "7f0c1f9e-0000-4000-8000-000000000001"


class Node:
    """A client of a node that is not initialised yet."""

    def __init__(self, meanwhile: t.Callable[[], None] = lambda: None) -> None:
        self.asked = 0
        self.adapter = self
        self.meanwhile = meanwhile

    def put(self, _path, json, timeout):
        if self.asked:
            raise Problem("Vault is already initialized", where="vault-1")
        self.asked += 1
        self.meanwhile()
        return ANSWER


def cluster(initialised: bool) -> t.Any:
    return {
        "state": "live" if initialised else "fresh",
        "active": None,
        "cluster_id": None,
        "versions": [],
        "reason": "",
    }


@pytest.fixture
def files(tmp_path):
    """Custody in two directories: the sink's and the journal's."""
    return file_options(tmp_path / "sink" / "recovery", tmp_path / "controller" / "init.journal")


def file_options(path, log) -> dict[str, t.Any]:
    return {"sink": "pgp", "path": str(path), "journal": {"path": str(log)}}


def run(options, node, take_over="") -> t.Any:
    """What the module does, with nodes that say what happened to *node*."""
    keeper = custodian.Custodian(options, "prod")
    record = keeper.sink.read()
    status = cluster(node.asked > 0)
    found = keeper.journal.look(record) if matters(status, record) else "none"
    todo = plan(status, record, found, keeper.sink.where, take_over)
    if todo.step == "refuse":
        raise Problem(todo.cause, todo.cure, where="prod")
    if todo.step == "initialise":
        keeper.initialise("vault-1", node, BODY, record, todo.take_over)
    elif todo.step == "recover":
        keeper.recover(CLUSTER_ID)
    elif todo.step == "tidy":
        keeper.tidy(record, CLUSTER_ID)
    return todo.step


def kept_in(options) -> str:
    """Where the keys of init are, if anywhere."""
    keeper = custodian.Custodian(options, "prod")
    record = keeper.sink.read()
    if record and record["status"] == "stored":
        assert record["root_token"] == TOKEN and record["recovery_keys"] == ANSWER["recovery_keys_base64"]
        return "sink"
    if keeper.journal.look(record) == "keys":
        assert keeper.journal.read(record)["root_token"] == TOKEN
        return "journal"
    return "nowhere"


class Disk:
    """The operating system's calls that change files, of which one fails, or all from one on."""

    CALLS = ("open", "fsync", "link", "rename", "unlink", "pwrite", "ftruncate", "fchmod", "makedirs")

    def __init__(self, patch: pytest.MonkeyPatch, code: int, nth: int, lasting: bool) -> None:
        self.code, self.nth, self.lasting = code, nth, lasting
        self.count = 0
        for name in self.CALLS:
            patch.setattr(os, name, self.guarded(getattr(os, name)))

    def guarded(self, call):
        def guard(*arguments, **named):
            self.count += 1
            if self.count == self.nth or (self.lasting and self.count > self.nth > 0):
                raise OSError(self.code, os.strerror(self.code))
            return call(*arguments, **named)

        return guard


def calls_of_an_init(tmp_path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(patch, 0, 0, False)
        run(file_options(tmp_path / "dry" / "sink", tmp_path / "dry" / "controller" / "j"), Node())
        return disk.count


@pytest.mark.long
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO], ids=errno.errorcode.get)
def test_no_failure_of_the_disk_loses_what_could_be_kept(tmp_path, monkeypatch, code, lasting):
    monkeypatch.setattr(custodian, "TRY_SECONDS", 0)
    monkeypatch.setattr(custodian, "PAUSE_SECONDS", 0)
    total = calls_of_an_init(tmp_path)
    ends = []
    for nth in range(1, total + 1):
        folder = tmp_path / str(nth)
        options = file_options(folder / "sink" / "recovery", folder / "controller" / "j")
        node, error, when_asked = Node(), "", []
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, code, nth, lasting)
            node.meanwhile = lambda disk=disk, seen=when_asked: seen.append(disk.count)
            try:
                run(options, node)
            except Problem as failure:  # an OSError would end the test
                error = str(failure)
        where = kept_in(options)
        assert TOKEN not in error
        if not node.asked:
            ends.append("not asked")
            assert os.strerror(code) in error and where == "nowhere"
        elif where == "nowhere":
            ends.append("lost")
            # Both ways worked when Vault was asked, and then nothing on this machine did, ever again.
            assert lasting and nth > when_asked[0] and "neither the sink nor the journal" in error
            continue
        else:
            ends.append(where)
            assert where == "sink" or error
        # Then the disk works again.
        run(options, node)
        assert node.asked == 1 and kept_in(options) == "sink"
        assert not os.path.exists(options["journal"]["path"])
    assert set(ends) == {"not asked", "journal", "sink"} | ({"lost"} if lasting else set())


class Flaky:
    """A sink of which one call fails, or all from one on."""

    def __init__(self, sink: sinks.Sink, nth: int, lasting: bool) -> None:
        self.sink, self.nth, self.lasting, self.count = sink, nth, lasting, 0

    def __getattr__(self, name):
        found = getattr(self.sink, name)
        if not callable(found):
            return found

        def call(*arguments):
            self.count += 1
            if self.count == self.nth or (self.lasting and self.count > self.nth > 0):
                raise Problem("out of reach", where="the sink")
            return found(*arguments)

        return call


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_no_failure_of_the_sink_loses_keys(tmp_path, monkeypatch, lasting):
    monkeypatch.setattr(custodian, "TRY_SECONDS", 0)
    opened = sinks.open_sink
    ends = []
    for nth in range(1, 10):
        folder = tmp_path / str(nth)
        options = file_options(folder / "sink" / "recovery", folder / "controller" / "j")
        node = Node()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sinks, "open_sink", lambda *given, nth=nth: Flaky(opened(*given), nth, lasting))
            with contextlib.suppress(Problem):
                run(options, node)
        ends.append(kept_in(options) if node.asked else "not asked")
        run(options, node)
        assert node.asked == 1 and kept_in(options) == "sink"
    assert ends == ["not asked"] * 5 + ["journal", "journal", "sink", "sink"]


@pytest.fixture
def small(tmp_path):
    """A file system of 16 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", folder]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        pytest.skip("only root may mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("fault", ["full", "read-only"])
@pytest.mark.parametrize("way", ["path", "journal"])
def test_a_disk_that_can_not_take_the_keys_is_known_before_vault_is_asked(small, files, fault, way):
    node = Node()
    if fault == "full":
        # A page is left: enough for a reservation, too little for what the answer needs.
        (small / "filler").write_bytes(b"x" * 8192)
    else:
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    at = str(small / "file")
    keeper = custodian.Custodian({**files, way: {"path": at} if way == "journal" else at}, "prod")
    with pytest.raises(Problem, match="No space left|Read-only file system"):
        keeper.initialise("vault-1", node, {"recovery_shares": 200, "recovery_threshold": 3}, None, False)
    assert node.asked == 0


def test_a_disk_that_is_full_once_vault_is_asked_takes_the_keys_all_the_same(small):
    def fill() -> None:
        with contextlib.suppress(OSError):
            (small / "filler").write_bytes(b"x" * 16_384)

    options = file_options(small / "recovery", small / "init.journal")
    node = Node(fill)
    with pytest.raises(Problem, match="No space left.*They are encrypted in"):
        run(options, node)
    assert kept_in(options) == "journal"
    (small / "filler").unlink()
    assert run(options, node) == "recover"
    assert node.asked == 1 and kept_in(options) == "sink"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize(
    ("owner", "mode", "says"), [(0, 0o755, "belongs to user id 0"), (65534, 0o500, "Permission denied")]
)
@pytest.mark.parametrize("way", ["path", "journal"])
def test_a_directory_without_permission_is_known_before_vault_is_asked(owner, mode, says, way):
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        for part, whose, bits in (("good", 65534, 0o700), ("bad", owner, mode)):
            os.mkdir(f"{name}/{part}")
            os.chown(f"{name}/{part}", whose, whose)
            os.chmod(f"{name}/{part}", bits)
        good = {"path": f"{name}/good/recovery", "journal": f"{name}/good/init.journal", way: f"{name}/bad/file"}
        options = file_options(good["path"], good["journal"])
        child = os.fork()
        if not child:
            os.setuid(65534)
            node, said = Node(), ""
            try:
                run(options, node)
            except BaseException as error:
                said = f"{type(error).__name__}: {error}"
            os._exit(0 if said.startswith("Problem") and says in said and not node.asked else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# Two controllers, one sink, and one journal in its home in AWS; or each with inputs of its own that name another home.


def secret_options(aws, log) -> dict[str, t.Any]:
    shared = {"sink": "secretsmanager", "name": "vault/prod/recovery", "region": REGION, "endpoint_url": aws}
    return {**shared, "tags": {"vault-cluster": "prod"}, "journal": {"secret": log}}


@pytest.fixture
def two(aws):
    return [secret_options(aws, "vault/prod/recovery-journal") for _turn in range(2)]


@pytest.fixture
def apart(aws):
    return [secret_options(aws, f"vault/prod/{name}") for name in ("one", "other")]


class Paused(Flaky):
    """A sink that lets the other controller have its whole run before one call."""

    def __init__(self, sink, nth, other) -> None:
        super().__init__(sink, 0, False)
        self.at, self.other = nth, other

    def __getattr__(self, name):
        found = super().__getattr__(name)
        if not callable(found):
            return found

        def call(*arguments):
            if self.count + 1 == self.at:
                self.other()
            return found(*arguments)

        return call


def begun_between(options, node, nth, monkeypatch) -> list[str]:
    """What the two said, one of which had its whole run before the nth call of the other one's sink."""
    errors: list[str] = []

    def attempt(own) -> None:
        try:
            run(own, node)
        except Problem as error:
            errors.append(str(error))

    opened, wrapped = sinks.open_sink, []

    def open_sink(given, name):
        sink = opened(given, name)
        if given is options[0] and not wrapped:
            wrapped.append(Paused(sink, nth, lambda: attempt(options[1])))
            return wrapped[0]
        return sink

    with monkeypatch.context() as patch:
        patch.setattr(sinks, "open_sink", open_sink)
        attempt(options[0])
    return errors


@pytest.mark.parametrize("nth", range(1, 10))
def test_of_two_controllers_at_init_exactly_one_initialises_and_its_keys_are_kept(two, monkeypatch, nth):
    node = Node()
    errors = begun_between(two, node, nth, monkeypatch)
    assert node.asked == 1 and len(errors) <= 1
    assert kept_in(two[0]) == "sink"
    # What the slower one left is seen to by any later run.
    run(two[1], node)
    assert kept_in(two[0]) == "sink"


@pytest.mark.parametrize("nth", range(2, 6))
def test_with_a_journal_that_is_not_found_the_second_keeps_its_hands_off(apart, monkeypatch, nth):
    node = Node()
    errors = begun_between(apart, node, nth, monkeypatch)
    assert node.asked == 1 and len(errors) == 1
    assert custodian.whoami() in errors[0] or "holds the recovery keys" in errors[0]
    assert kept_in(apart[0]) == "sink"


def test_a_second_controller_while_vault_is_asked_does_not_cost_the_keys(two):
    """The first one's lease ran out in the middle of its call. Its nodes still said that they are not initialised."""
    errors = []
    node = Node()

    def second() -> None:
        late = Node(killed)
        try:
            run(two[1], late)
        except (Problem, Killed) as error:
            errors.append(error)

    node.meanwhile = second
    assert run(two[0], node) == "initialise"
    assert len(errors) == 1 and kept_in(two[0]) == "sink"


def test_keys_that_reached_the_journal_only_are_found_by_a_second_controller_that_made_it_its_own(two, monkeypatch):
    monkeypatch.setattr(custodian, "TRY_SECONDS", 0)
    node = Node()

    def second() -> None:
        with contextlib.suppress(Killed):
            run(two[1], Node(killed))

    node.meanwhile = second
    with monkeypatch.context() as patch:
        patch.setattr(custodian.Custodian, "_store", killed)
        with pytest.raises(Killed):
            run(two[0], node)
    assert kept_in(two[1]) == "journal"
    assert run(two[1], node) == "recover"
    assert node.asked == 1 and kept_in(two[0]) == "sink"


def test_what_another_run_has_brought_from_the_journal_is_in_custody(two, monkeypatch):
    node = Node()
    store = custodian.Custodian._store

    def late(keeper, reservation, record):
        monkeypatch.setattr(custodian.Custodian, "_store", store)
        assert run(two[1], node) == "recover"
        store(keeper, reservation, record)

    monkeypatch.setattr(custodian.Custodian, "_store", late)
    assert run(two[0], node) == "initialise"
    assert kept_in(two[0]) == "sink"
    assert json.loads(read_secret(two[0]))["cluster_id"] == CLUSTER_ID


def test_a_reservation_does_not_go_over_keys_that_came_since_it_was_read(two):
    """The look, the keys of the first one, and then the reservation of the second: the sink takes no such order."""
    first, second = (sinks.open_sink(options, "prod") for options in two)
    reservation = records.prepared("prod", "now", "ada@desk")
    first.create(reservation)
    assert second.read() == reservation
    first.replace(records.stored(reservation, records.answered(reservation, BODY, ANSWER), None))
    with pytest.raises(Problem, match="somebody else wrote to it since it was read"):
        second.replace({**reservation, "who": "ben@desk"})
    assert json.loads(read_secret(two[0]))["status"] == "stored"


def test_two_controllers_that_begin_at_the_same_moment(two):
    node, start = Node(), threading.Barrier(2)

    def controller(number: int) -> None:
        start.wait()
        with contextlib.suppress(Problem):
            run(two[number], node)

    threads = [threading.Thread(target=controller, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with contextlib.suppress(Problem):
        run(two[0], node)
    assert node.asked == 1
    assert kept_in(two[0]) == "sink"


class Killed(BaseException):
    pass


def killed(*_arguments, **_named) -> t.Any:
    raise Killed


def cut_short(options, node, monkeypatch) -> None:
    """A run that dies after the reservation and before init."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(node, "put", killed)
        run(options, node)


def test_a_run_that_was_cut_short_is_begun_again_by_any_controller(two, monkeypatch):
    node = Node()
    cut_short(two[0], node, monkeypatch)
    before = json.loads(read_secret(two[0]))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(node, "put", killed)
        run(two[1], node)
    after = json.loads(read_secret(two[0]))
    assert after["run"] != before["run"] and after["journal_key"] == before["journal_key"]
    assert run(two[1], node) == "initialise"
    assert node.asked == 1 and kept_in(two[0]) == "sink"


def test_a_run_that_comes_back_after_another_went_on_does_not_ask_vault(two, monkeypatch):
    node, other = Node(), Node()
    proof = sinks.SecretsManager.prove_writable

    def slow_proof(sink, stand_in):
        monkeypatch.setattr(sinks.SecretsManager, "prove_writable", proof)
        proof(sink, stand_in)
        run(two[1], other)

    monkeypatch.setattr(sinks.SecretsManager, "prove_writable", slow_proof)
    with pytest.raises(Problem, match="not the one that this run knows"):
        run(two[0], node)
    assert (node.asked, other.asked) == (0, 1)
    assert kept_in(two[1]) == "sink"


def test_a_reservation_whose_journal_is_elsewhere_is_taken_over_by_its_holders_name(apart, monkeypatch):
    node, other = Node(), Node()
    cut_short(apart[0], node, monkeypatch)
    with pytest.raises(Problem, match=f"{custodian.whoami()} began an init.*vault_custody_take_over"):
        run(apart[1], other)
    with pytest.raises(Problem, match="take_over"):
        run(apart[1], other, take_over="somebody@else")
    assert other.asked == 0
    assert run(apart[1], other, take_over=custodian.whoami()) == "initialise"
    assert other.asked == 1 and kept_in(apart[1]) == "sink"
    # The first controller comes back, and keeps its hands off.
    with pytest.raises(Problem, match="holds the recovery keys"):
        run(apart[0], node)
    assert node.asked == 0


def test_a_run_whose_reservation_was_taken_over_does_not_ask_vault(apart, monkeypatch):
    node, other = Node(), Node()
    proof = sinks.SecretsManager.prove_writable

    def slow_proof(sink, stand_in):
        monkeypatch.setattr(sinks.SecretsManager, "prove_writable", proof)
        proof(sink, stand_in)
        run(apart[1], other, take_over=custodian.whoami())

    monkeypatch.setattr(sinks.SecretsManager, "prove_writable", slow_proof)
    with pytest.raises(Problem, match="not the one that this run knows"):
        run(apart[0], node)
    assert (node.asked, other.asked) == (0, 1)
    assert kept_in(apart[1]) == "sink"


def test_keys_do_not_go_over_those_of_a_run_that_took_over_while_vault_was_asked(apart):
    """Of nodes of another cluster of the same name: here they are all initialised once."""
    other = Node()
    node = Node(lambda: run(apart[1], other, take_over=custodian.whoami()))
    # Told apart by the keys, which are another cluster's.
    with pytest.raises(Problem, match="can't be opened without that reservation"):
        run(apart[0], Answering(node, "other"))
    assert json.loads(read_secret(apart[1]))["status"] == "stored"


class Answering:
    """The same node, whose keys are others."""

    def __init__(self, node, word) -> None:
        self.node, self.word, self.adapter = node, word, self

    @property
    def asked(self) -> int:
        return self.node.asked

    def put(self, *arguments, **named):
        answer = self.node.put(*arguments, **named)
        return {**answer, "recovery_keys_base64": [self.word + key for key in answer["recovery_keys_base64"]]}


def test_a_secret_that_is_removed_while_vault_is_asked_is_made_again(two):
    node = Node(lambda: secrets(two[0]).delete_secret(SecretId=two[0]["name"], ForceDeleteWithoutRecovery=True))
    assert run(two[0], node) == "initialise"
    assert kept_in(two[0]) == "sink"


def secrets(options) -> t.Any:
    return boto3.client("secretsmanager", region_name=REGION, endpoint_url=options["endpoint_url"])


def read_secret(options) -> str:
    return secrets(options).get_secret_value(SecretId=options["name"])["SecretString"]


def write_secret(options, **changes) -> None:
    record = {**json.loads(read_secret(options)), **changes}
    secrets(options).put_secret_value(SecretId=options["name"], SecretString=json.dumps(record))


# The module, and nodes on loopback.


class Nodes:
    """Three nodes that become one cluster when the first is initialised."""

    def __init__(self) -> None:
        self.cluster_id: str | None = None
        self.gives_id = True
        self.asked = 0
        parent = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                up = parent.asked > 0
                known = {"cluster_id": CLUSTER_ID} if up and parent.gives_id else {}
                active = self.server is parent.servers[0]
                code = (200 if active else 429) if up else 501
                if not self.path.endswith("health"):
                    code = 200
                self.give(code, {"initialized": up, "sealed": not up, "type": "awskms", "is_self": active, **known})

            def do_PUT(self) -> None:
                parent.asked += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                self.give(200, ANSWER)

            def give(self, code: int, body: dict[str, t.Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments) -> None:
                pass

        self.servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _turn in range(3)]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    @property
    def urls(self) -> dict[str, str]:
        return {f"vault-{n}": f"http://127.0.0.1:{server.server_port}" for n, server in enumerate(self.servers, 1)}

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def nodes():
    found = Nodes()
    yield found
    found.close()


@pytest.fixture
def init(two, nodes, run_module):
    custody = two[0]

    def call(check: bool = False, **more: t.Any) -> dict[str, t.Any]:
        return run_module(vault_init, check=check, nodes=nodes.urls, cluster_name="prod", custody=custody, **more)

    return call


def test_the_keys_know_their_cluster_from_init_on(init, two, nodes):
    foreseen = init(check=True)
    assert (foreseen["step"], foreseen["custody"]["status"], nodes.asked) == ("initialise", "none", 0)
    done = init()
    assert (done["changed"], done["step"]) == (True, "initialise")
    assert done["custody"]["cluster_id"] == json.loads(read_secret(two[0]))["cluster_id"] == CLUSTER_ID
    assert TOKEN not in json.dumps(done) and ANSWER["recovery_keys_base64"][0] not in json.dumps(done)
    again = init()
    assert (again["changed"], again["step"], nodes.asked) == (False, "nothing", 1)


def test_keys_that_do_not_know_their_cluster_learn_it_once(init, two, nodes, monkeypatch):
    nodes.gives_id = False
    monkeypatch.setattr(vault_init, "ID_SECONDS", 0)
    assert init()["custody"]["cluster_id"] is None
    nodes.gives_id = True
    assert (init(check=True)["changed"], init(check=True)["step"]) == (True, "tidy")
    assert json.loads(read_secret(two[0]))["cluster_id"] is None
    assert init()["custody"]["cluster_id"] == CLUSTER_ID
    assert json.loads(read_secret(two[0]))["cluster_id"] == CLUSTER_ID
    assert json.loads(read_secret(two[0]))["root_token"] == TOKEN
    assert init()["changed"] is False


def test_the_keys_of_another_cluster_stop_the_run(init, two, nodes):
    init()
    write_secret(two[0], cluster_id="another-id")
    refused = init()
    assert refused["failed"] and "of cluster another-id" in refused["msg"] and CLUSTER_ID in refused["msg"]


def test_a_secret_of_an_earlier_version_gets_its_tag_and_stays_readable(init, two, nodes):
    init()
    client = secrets(two[0])
    client.untag_resource(SecretId=two[0]["name"], TagKeys=["vault-cluster"])
    record = json.loads(read_secret(two[0]))
    del record["who"], record["run"]
    client.put_secret_value(SecretId=two[0]["name"], SecretString=json.dumps(record))
    assert init(check=True)["step"] == "tidy"
    assert not client.describe_secret(SecretId=two[0]["name"]).get("Tags")
    assert init()["step"] == "tidy"
    assert client.describe_secret(SecretId=two[0]["name"])["Tags"] == [{"Key": "vault-cluster", "Value": "prod"}]
    assert init()["changed"] is False


def test_a_journal_that_is_no_longer_needed_is_removed(init, two, nodes, monkeypatch):
    """It could not be removed when the keys were in custody, so they don't know their cluster yet."""
    nodes.gives_id = False
    monkeypatch.setattr(vault_init, "ID_SECONDS", 0)
    init()
    nodes.gives_id = True
    home, run_id = open_home(two[0]), json.loads(read_secret(two[0]))["run"]
    other = home.write(f"vaultops journal 2 answered {'0' * 32}\n".encode() + b"x" * 100, None)
    assert "is of another init" in init()["msg"] and home.read()
    assert home.write(f"vaultops journal 2 answered {run_id}\n".encode() + b"x" * 100, other)
    assert init(check=True)["step"] == "tidy" and home.read()
    assert init()["step"] == "tidy" and home.read() is None
    assert init()["step"] == "nothing"


def test_keys_whose_journal_could_not_be_removed_do_not_know_their_cluster(init, two, nodes, monkeypatch):
    with monkeypatch.context() as patch:

        def refused(_home) -> None:
            raise Problem("access denied")

        patch.setattr(homes.Secret, "remove", refused)
        assert init()["custody"]["cluster_id"] is None
    assert open_home(two[0]).read()
    assert init()["step"] == "tidy" and open_home(two[0]).read() is None
    assert json.loads(read_secret(two[0]))["cluster_id"] == CLUSTER_ID


def test_a_settled_cluster_is_not_asked_for_a_journal(init, monkeypatch):
    init()

    def asked(_home):
        raise AssertionError("it was")

    monkeypatch.setattr(homes.Secret, "read", asked)
    assert init()["step"] == "nothing"
