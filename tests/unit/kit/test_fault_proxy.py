"""The fault proxy against a small upstream on loopback: what it passes on, and each way it makes a call fail."""

import http.server
import json
import subprocess
import threading
import urllib.error
import urllib.request

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from kit.fault_proxy import Answer, Drop, FaultProxy, Kill, Rule

ANYWHERE = ("127.0.0.1", 0)


class Upstream(http.server.ThreadingHTTPServer):
    """Answers every POST with its own body and remembers the targets it saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__(ANYWHERE, _Echo)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Echo(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(self.headers.get("X-Amz-Target", ""))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def upstream():
    with Upstream() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def call(proxy: FaultProxy, operation: str, body: bytes = b"{}") -> bytes:
    request = urllib.request.Request(proxy.url, data=body, headers={"X-Amz-Target": f"TrentService.{operation}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as reply:
        return reply.read()


def test_passes_calls_on_and_lists_them(upstream):
    with FaultProxy(ANYWHERE, upstream.url) as proxy:
        assert call(proxy, "Encrypt", b'{"a": 1}') == b'{"a": 1}'
        call(proxy, "Decrypt")
        call(proxy, "", b"Action=DescribeInstances&Version=2016-11-15")
    assert proxy.calls[:2] == ["Encrypt", "Decrypt"]
    assert upstream.seen[:2] == ["TrentService.Encrypt", "TrentService.Decrypt"]


def test_names_query_calls_by_their_action(upstream):
    with FaultProxy(ANYWHERE, upstream.url) as proxy:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            proxy.url, b"Action=DescribeInstances&Version=1", 5
        ).close()
    assert proxy.calls == ["DescribeInstances"]


# Service, method and arguments of a call, and what a rule names it.
CALLS = [
    ("kms", "create_key", {}, "CreateKey"),
    ("secretsmanager", "list_secrets", {}, "ListSecrets"),
    ("ec2", "describe_vpcs", {}, "DescribeVpcs"),
    ("iam", "get_role", {"RoleName": "r"}, "GetRole"),
    ("sts", "get_caller_identity", {}, "GetCallerIdentity"),
    ("elbv2", "describe_load_balancers", {}, "DescribeLoadBalancers"),
    ("s3", "list_buckets", {}, "GET /"),
    ("s3", "create_bucket", {"Bucket": "bucket"}, "PUT /bucket"),
    ("s3", "list_objects_v2", {"Bucket": "bucket", "Prefix": "a/"}, "GET /bucket?list-type&prefix&encoding-type"),
    # Looks like a form of the query protocol, and is none.
    ("s3", "put_bucket_policy", {"Bucket": "bucket", "Policy": "Action=GetRole"}, "PUT /bucket?policy"),
    ("s3", "get_object", {"Bucket": "bucket", "Key": "a/b"}, "GET /bucket/a/b"),
]


def client(proxy: FaultProxy, service: str):
    return boto3.client(
        service,
        region_name="eu-central-1",
        endpoint_url=proxy.url,
        aws_access_key_id="unit",
        aws_secret_access_key="unit",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


@pytest.mark.parametrize(("service", "method", "arguments", "operation"), CALLS)
def test_an_error_speaks_the_protocol_of_the_call(upstream, service, method, arguments, operation):
    rule = Rule(operation, Answer("AccessDenied", "not <you> & yours", 403))
    with FaultProxy(ANYWHERE, upstream.url, [rule]) as proxy:
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            getattr(client(proxy, service), method)(**arguments)
        assert proxy.calls == [operation]
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert refused.value.response["Error"]["Message"] == "not <you> & yours"
    assert upstream.seen == []


def test_an_error_for_head_is_its_status(upstream):
    with FaultProxy(ANYWHERE, upstream.url, [Rule("HEAD /bucket", Answer("AccessDenied", status=403))]) as proxy:
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            client(proxy, "s3").head_bucket(Bucket="bucket")
        assert proxy.calls == ["HEAD /bucket"]
    assert refused.value.response["Error"]["Code"] == "403"


def test_answers_the_nth_call_only(upstream):
    rule = Rule("Encrypt", Answer("AccessDeniedException", "no", 403), nth=2)
    with FaultProxy(ANYWHERE, upstream.url, [rule]) as proxy:
        call(proxy, "Decrypt")
        call(proxy, "Encrypt")
        with pytest.raises(urllib.error.HTTPError) as refused:
            call(proxy, "Encrypt")
        call(proxy, "Encrypt")
    assert refused.value.code == 403
    assert json.load(refused.value) == {"__type": "AccessDeniedException", "message": "no"}
    assert len(upstream.seen) == 3, "the refused call must not have taken effect"


def test_every_means_from_the_nth_on(upstream):
    with FaultProxy(ANYWHERE, upstream.url, [Rule("Encrypt", Answer("X"), nth=2, every=True)]) as proxy:
        call(proxy, "Encrypt")
        for _turn in range(2):
            with pytest.raises(urllib.error.HTTPError):
                call(proxy, "Encrypt")


@pytest.mark.parametrize(("forward", "took_effect"), [(False, 0), (True, 1)])
def test_drops_the_line_before_or_after_the_effect(upstream, forward, took_effect):
    with FaultProxy(ANYWHERE, upstream.url, [Rule("Encrypt", Drop(forward))]) as proxy, pytest.raises(OSError):
        call(proxy, "Encrypt")
    assert len(upstream.seen) == took_effect


@pytest.mark.parametrize(("forward", "took_effect"), [(False, 0), (True, 1)])
def test_kills_the_callers_group(upstream, forward, took_effect):
    victim = subprocess.Popen(["sleep", "60"], start_new_session=True)
    rule = Rule("PutSecretValue", Kill(lambda: victim.pid, forward))
    with FaultProxy(ANYWHERE, upstream.url, [rule]) as proxy:
        try:
            call(proxy, "PutSecretValue")
        except OSError:
            pass  # this test is not the victim: it sees its line closed
    assert victim.wait(5) == -9
    assert len(upstream.seen) == took_effect


def test_says_so_when_the_stand_in_is_gone(upstream):
    with FaultProxy(ANYWHERE, "http://127.0.0.1:9") as proxy, pytest.raises(urllib.error.HTTPError) as gone:
        call(proxy, "Encrypt")
    assert gone.value.code == 502


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.9.1", "192.0.2.1", "example.org", ""])
def test_refuses_any_other_address(address):
    with pytest.raises(ValueError, match="only a loopback address"):
        FaultProxy((address, 0), "http://127.0.0.1:1")
    with pytest.raises(ValueError, match="only a loopback address"):
        FaultProxy(ANYWHERE, f"http://{address}:5000")
