"""The client probe: what it makes of what it saw, how its clients behave, and that it speaks to the lab alone."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest
from kit.probe import link as link_module
from kit.probe import readback
from kit.probe.link import Link, NoAnswer
from kit.probe.probe import Probe, out_of_bounds
from kit.probe.report import (
    Ack,
    Failure,
    Gap,
    ReadBack,
    Report,
    Run,
    gaps,
    latency_ms,
    longest_client_gap,
    longest_gap,
    losses,
    percentile,
    value_of,
)
from kit.probe.safety import ProbeError, objection
from kit.probe.writer import Orders, Writer

BRIDGES = "6: vo-demo    inet 10.0.1.1/24 brd 10.0.1.255 scope global vo-demo"


def acks(*times, client=0):
    """Writes of one client, acknowledged at these times."""
    return [Ack(client, seq, acked - 0.01, acked) for seq, acked in enumerate(times)]


@pytest.mark.parametrize(
    ("seen", "cluster", "client"),
    [
        ([], 0, 0),
        (acks(5), 0, 0),
        (acks(1, 2, 5), 3, 3),
        # Two clients fill each other's gaps.
        (acks(0, 4, 8) + acks(2, 6, client=1), 2, 4),
        (acks(0, 1) + acks(6, 7, client=1), 5, 1),
        # In no order: each client's writes come after the other's.
        (acks(6, 7, client=1) + acks(0, 1), 5, 1),
    ],
)
def test_the_longest_gaps(seen, cluster, client):
    assert longest_gap(seen) == cluster
    assert longest_client_gap(seen) == client


@pytest.mark.parametrize(
    ("failures", "refused"),
    [
        ([], ()),
        ([Failure(12.5, 13, "b"), Failure(13, 14, "a"), Failure(13, 14, "b")], ("a", "b")),
        ([Failure(11, 12.5, "began before")], ("began before",)),
        ([Failure(14, 16, "ended after")], ("ended after",)),
        ([Failure(11, 16, "longer than the gap")], ("longer than the gap",)),
        ([Failure(11, 11.9, "before"), Failure(15.1, 16, "after")], ()),
    ],
)
def test_a_gap_names_the_nodes_that_refused_meanwhile(failures, refused):
    assert gaps(10, acks(11, 12, 15, 15.5), failures, over=1) == [Gap(2, 3, refused)]


@pytest.mark.parametrize(("over", "count"), [(0.4, 3), (0.5, 2), (1, 1), (3, 0)])
def test_only_gaps_that_are_longer(over, count):
    assert len(gaps(0, acks(1, 1.5, 2.5, 5.5), [], over)) == count


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, 0),
        ([7], 1, 7),
        ([7], 99, 7),
        ([3, 1, 2], 50, 2),
        ([4, 3, 2, 1], 50, 2),
        (range(1, 101), 50, 50),
        (range(1, 101), 95, 95),
        (range(1, 101), 99, 99),
        (range(1, 102), 99, 100),
        (range(1, 11), 99, 10),
    ],
)
def test_percentiles(values, percent, expected):
    assert percentile(values, percent) == expected


def test_latency_counts_from_the_first_attempt():
    seen = [Ack(0, 0, 1.0, 1.25), Ack(0, 1, 2.0, 2.5), Ack(0, 2, 3.0, 5.0)]
    assert latency_ms(seen) == {"p50": 500, "p95": 2000, "p99": 2000}


WRITTEN = {(0, 0): "r-0-0", (0, 1): "r-0-1", (1, 0): "r-1-0"}


@pytest.mark.parametrize(
    ("everything", "some", "lost"),
    [
        (WRITTEN, {}, []),
        (WRITTEN, WRITTEN, []),
        ({**WRITTEN, (0, 1): None}, {}, [(0, 1)]),
        ({**WRITTEN, (0, 1): "r-0-2"}, {}, [(0, 1)]),
        ({**WRITTEN, (0, 1): "other-0-1"}, {}, [(0, 1)]),
        (WRITTEN, {(1, 0): None}, [(1, 0)]),
        (WRITTEN, {(1, 0): "r-1-1"}, [(1, 0)]),
        # What was not read is not known to be there, whatever a standby said.
        ({(0, 0): "r-0-0"}, WRITTEN, [(0, 1), (1, 0)]),
        ({}, {}, [(0, 0), (0, 1), (1, 0)]),
        # A write without an acknowledgement may be there or not.
        ({**WRITTEN, (1, 1): None}, {(1, 1): "r-1-1"}, []),
    ],
)
def test_losses(everything, some, lost):
    acknowledged = [Ack(client, seq, 0, 1) for client, seq in ((1, 0), (0, 0), (0, 1))]
    assert losses("r", acknowledged, everything, some) == lost


def report_of(seen, *, found=None, failures=(), **changes):
    run = {
        "name": "r",
        "clients": 2,
        "start": 0.0,
        "end": 9.0,
        "cut_short": False,
        "unanswered": 0,
        "acks": seen,
        "failures": list(failures),
        "through": {"vault-1": len(seen)},
        "reasons": {"vault-2": {"HTTP 503": len(failures)}} if failures else {},
    }
    if found is None:
        found = {(ack.client, ack.seq): value_of("r", ack.client, ack.seq) for ack in seen}
    return Report(Run(**{**run, **changes}), ReadBack("vault-1", ["vault-2", "vault-3"], 0.5, found, {}))


def test_a_report_of_a_run_without_loss():
    report = report_of(acks(1, 2, 8), failures=[Failure(3, 4, "vault-2")])
    assert (report.acknowledged, report.attempts_failed, report.lost) == (3, 1, [])
    assert (report.longest_gap_seconds, report.longest_client_gap_seconds, report.silent_end_seconds) == (6, 6, 1)
    assert report.complete
    assert "Lost: none" in report.text()
    assert "at 2.0 s for 6.00 s; attempts failed at: vault-2" in report.text()
    assert "vault-2: HTTP 503 1" in report.text()
    figures = json.loads(report.to_json())
    assert figures["lost"] == []
    assert figures["complete"] is True
    assert figures["gaps"] == [
        {"at": 1, "seconds": 1, "refused": []},
        {"at": 2, "seconds": 6, "refused": ["vault-2"]},
    ]
    assert figures["latency_ms"] == {"p50": 10, "p95": 10, "p99": 10}


def test_a_loss_is_told():
    report = report_of(acks(1, 2, 3), found={(0, 0): "r-0-0", (0, 1): "something else"})
    assert report.lost == [(0, 1), (0, 2)]
    assert (
        "LOST: 2 acknowledged writes are missing or different: client 0 number 1, client 0 number 2." in report.text()
    )
    assert "Lost: none" not in report.text()
    assert json.loads(report.to_json())["lost"] == [[0, 1], [0, 2]]


@pytest.mark.parametrize(
    ("seen", "changes", "told"),
    [
        (acks(1, 2), {"cut_short": True}, "CUT SHORT"),
        (acks(1, 2), {"unanswered": 2}, "UNANSWERED at the end: 2 writes; the last acknowledgement is 7.0 s older"),
        ([], {}, "Acknowledged: 0 writes"),
    ],
)
def test_a_run_that_proves_nothing_is_not_complete(seen, changes, told):
    report = report_of(seen, **changes)
    assert not report.complete
    assert told in report.text()


@pytest.mark.parametrize(
    ("urls", "told"),
    [
        (["https://10.0.1.10:8200", "https://10.0.1.12:8200"], None),
        (["https://10.0.1.10:8200", "https://10.0.2.10:8200"], "no address 10.0.2.1"),
        (["https://10.0.1.10:8200", "https://10.0.9.10:8200"], "no lab's"),
        (["https://192.0.2.10:8200"], "no lab's"),
        (["https://vault.example.com:8200"], "no lab's"),
        (["https://10.0.1.10@192.0.2.10:8200"], "no lab's"),
        (["https://10.0.1.10.example.com:8200"], "no lab's"),
        (["https://[::ffff:10.0.1.10]:8200"], "no lab's"),
        (["https://167772426:8200"], "no lab's"),
        (["http://10.0.1.10:8200"], "no lab's"),
        (["10.0.1.10:8200"], "no lab's"),
        ([""], "no lab's"),
        ([], "no node"),
    ],
)
def test_it_speaks_to_the_lab_alone(urls, told):
    problem = objection(urls, BRIDGES)
    assert problem is None if told is None else told in problem


@pytest.mark.parametrize("addresses", ["", BRIDGES.replace("10.0.1.1/", "10.0.1.11/"), BRIDGES.replace(" 10", " 110")])
def test_it_does_not_speak_where_the_lab_is_not_up(addresses):
    assert "no address 10.0.1.1" in objection(["https://10.0.1.10:8200"], addresses)


def test_a_probe_for_another_cluster_can_not_be_made():
    with pytest.raises(ProbeError, match="no lab's; nothing was sent"):
        Probe({"vault-1": "https://192.0.2.10:8200"}, "/ca.crt", "the-token")


@pytest.mark.parametrize(("bridge", "reached"), [("127.0.0.1", True), ("192.0.2.99", False)])
def test_nothing_is_sent_when_the_lab_goes_away_meanwhile(monkeypatch, bridge, reached):
    """The bridge's address is gone then, and a connection is only made from there."""
    monkeypatch.setattr(link_module, "bridge_of", lambda url: bridge)
    monkeypatch.setattr(link_module.ssl.SSLContext, "load_verify_locations", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        caller = Link("vault-1", f"https://127.0.0.1:{server.getsockname()[1]}", "/ca.crt", "the-token")
        sending = threading.Thread(target=lambda: pytest.raises(NoAnswer, caller.send, "GET", "/"))
        sending.start()
        try:
            server.accept()[0].close()
            came = True
        except TimeoutError:
            came = False
        sending.join()
    assert came is reached


@pytest.mark.parametrize(
    ("clients", "pace", "seconds", "allowed"),
    [
        (6, 0.02, 600, True),
        (16, 0.2, 3000, True),
        (1, 0.02, 1, True),
        (0, 0.02, 600, False),
        (17, 0.2, 600, False),
        (6, 0, 600, False),
        (6, -1, 600, False),
        (6, 0.001, 600, False),
        (1, 1, 3001, False),
        (1, 1, 0, False),
    ],
)
def test_it_is_bounded(clients, pace, seconds, allowed):
    assert (out_of_bounds(clients, pace, seconds) is None) is allowed


class Node:
    """Answers in the place of a link: with a status, or with none where that is a text. The last answer stays."""

    def __init__(self, name, *answers):
        self.name = name
        self.answers = list(answers)
        self.bodies = []

    def send(self, method, path, body=None):
        self.bodies.append((path, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise NoAnswer(answer)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, tuple) else (answer, b"")

    def close(self):
        pass


def written(nodes, until=lambda writer: len(writer.acks) >= 3, seconds=60.0):
    """A writer that was let run until then."""
    orders = Orders("r", 0.001, time.monotonic() + seconds)
    writer = Writer(4, nodes, orders)
    writer.thread.start()
    deadline = time.monotonic() + 5
    while not until(writer) and writer.thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.001)
    orders.finish.set()
    orders.drop.set()
    writer.thread.join()
    return writer


def test_a_client_stays_with_its_node():
    nodes = [Node("a", 204), Node("b", 204)]
    writer = written(nodes)
    assert set(writer.through) == {"a"}
    assert writer.failures == []
    assert [ack.seq for ack in writer.acks] == list(range(len(writer.acks)))
    assert nodes[0].bodies[1] == ("/v1/probe/r/4/1", b'{"value": "r-4-1"}')


@pytest.mark.parametrize("refusal", [307, 400, 403, 404, 429, 473, 500, 503, "no answer in time"])
def test_a_refused_write_is_made_again_at_the_next_node(refusal):
    nodes = [Node("a", refusal), Node("b", refusal, 204), Node("c", 200)]
    writer = written(nodes)
    assert nodes[0].bodies[0] == nodes[1].bodies[0] == nodes[2].bodies[0]
    assert writer.through["a"] == 0
    assert [failure.node for failure in writer.failures][:2] == ["a", "b"]
    reason = refusal if isinstance(refusal, str) else f"HTTP {refusal}"
    assert writer.reasons == {("a", reason): 1, ("b", reason): 1}
    assert writer.acks[0].started <= writer.failures[0].began < writer.failures[1].ended <= writer.acks[0].acked


def test_a_client_returns_to_its_node(monkeypatch):
    monkeypatch.setattr("kit.probe.writer.RETURN_SECONDS", 0.05)
    writer = written([Node("a", 503, 204), Node("b", 204)], until=lambda writer: writer.through["a"] >= 1)
    assert set(writer.through) == {"a", "b"}


def test_no_node_answers():
    writer = written([Node("a", 503), Node("b", 503)], until=lambda writer: len(writer.failures) >= 4)
    assert writer.acks == []
    assert writer.unanswered
    assert not writer.cut_short


@pytest.mark.parametrize(("answer", "unanswered"), [(204, False), (503, True)])
def test_a_run_that_takes_too_long_is_ended_and_says_so(answer, unanswered):
    writer = written([Node("a", answer)], until=lambda writer: not writer.thread.is_alive(), seconds=0.05)
    assert writer.cut_short
    assert writer.unanswered is unanswered


def test_a_defect_of_the_probe_is_not_taken_for_a_quiet_cluster():
    writer = written([Node("a", 204, ZeroDivisionError())], until=lambda writer: writer.crash)
    assert isinstance(writer.crash, ZeroDivisionError)


FOUND = (200, b'{"data": {"value": "r-0-0"}}')


@pytest.mark.parametrize(
    ("answers", "value"),
    [
        ([FOUND], "r-0-0"),
        ([(200, b'{"data": {"value": "r-0-9"}}')], "r-0-9"),
        ([(404, b'{"errors":[]}')], None),
        # Not an answer to the question whether the key is there.
        ([(404, b'{"errors":["no handler for route"]}'), FOUND], "r-0-0"),
        ([(503, b'{"errors":["Vault is sealed"]}'), FOUND], "r-0-0"),
        ([(403, b'{"errors":["permission denied"]}'), (404, b'{"errors":[]}')], None),
        (["connection refused", FOUND], "r-0-0"),
    ],
)
def test_reading_back(monkeypatch, answers, value):
    monkeypatch.setattr(readback, "PAUSE_SECONDS", 0)
    assert readback.read(Node("a", *answers), "r", (0, 0), time.monotonic() + 5) == value


def test_what_can_not_be_read_back_is_no_result():
    with pytest.raises(ProbeError, match="not everything could be read back: a: HTTP 503"):
        readback.read(Node("a", 503), "r", (0, 0), time.monotonic())


def test_everything_is_read_once():
    keys = [(client, seq) for client in range(3) for seq in range(20)]
    nodes = []

    def connect(name):
        nodes.append(Node(name, FOUND))
        return nodes[-1]

    assert set(readback.read_all("r", keys, ["b", "c"], connect)) == set(keys)
    paths = [path for node in nodes for path, _body in node.bodies]
    assert sorted(paths) == sorted(f"/v1/probe/r/{client}/{seq}" for client, seq in keys)
    assert {node.name for node in nodes if node.bodies} == {"b", "c"}


@pytest.mark.parametrize(
    ("count", "at_most", "numbers"),
    [(0, 3, []), (2, 3, [0, 1]), (3, 3, [0, 1, 2]), (4, 3, [0, 1, 3]), (9, 3, [2, 5, 8]), (100, 1, [99])],
)
def test_keys_are_spread(count, at_most, numbers):
    assert readback.spread([(0, seq) for seq in range(count)], at_most) == [(0, seq) for seq in numbers]


def leader(is_self, address="https://10.0.1.10:8200"):
    return 200, json.dumps({"is_self": is_self, "leader_address": address}).encode()


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (([leader(False)], [leader(True)]), ("b", ["a"])),
        (([(503, b"sealed")], [leader(True)]), ("b", [])),
        ((["connection refused"], [leader(True)]), ("b", [])),
        (([leader(False, "")], [leader(True)]), ("b", [])),
        # Two that take themselves for the active node, and none: wait.
        (([leader(True), leader(False)], [leader(True)]), ("b", ["a"])),
        (([leader(False)], [leader(False), leader(True)]), ("b", ["a"])),
    ],
)
def test_one_active_node_is_waited_for(monkeypatch, nodes, expected):
    monkeypatch.setattr(readback, "PAUSE_SECONDS", 0)
    assert readback.settled([Node(name, *answers) for name, answers in zip("ab", nodes, strict=True)]) == expected
