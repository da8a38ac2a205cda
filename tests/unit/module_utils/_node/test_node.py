from __future__ import annotations

import contextlib
import datetime
import getpass
import grp
import http.server
import json
import os
import stat
import threading

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._node import (
    config_check,
    files,
    kms,
    metadata,
    service,
    sigv4,
)
from ansible_collections.vaultops.cluster.plugins.modules import vault_files
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

ME = getpass.getuser()
MY_GROUP = grp.getgrgid(os.getgid()).gr_name


# --- signatures


@pytest.mark.parametrize("token", [None, "session/token=="])
@pytest.mark.parametrize("url", ["https://kms.eu-central-1.amazonaws.com/", "http://10.0.1.1:5000"])
def test_signature_is_the_one_that_aws_own_library_makes(url, token):
    body = b'{"KeyId": "alias/vault-unseal"}'
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.Encrypt"}
    timestamp = "20260102T030405Z"
    request = AWSRequest("POST", url, data=body, headers=headers)
    request.context["timestamp"] = timestamp
    signer = SigV4Auth(BotoCredentials("AKID", "secret", token), "kms", "eu-central-1")
    request.headers["X-Amz-Date"] = timestamp
    if token:
        request.headers["X-Amz-Security-Token"] = token
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signed = sigv4.sign(
        url, headers, body, sigv4.Credentials("AKID", "secret", token), "eu-central-1", "kms", timestamp
    )
    assert signed["authorization"].endswith(f"Signature={expected}")


# --- what answers in the place of KMS or of the metadata service

LOGIN_PAGE = b"<html>Please log in</html>"
NAMES = st.sampled_from(["KeyMetadata", "Arn", "KeyState", "KeyUsage", "__type", "message", "Code", "Token"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda deeper: st.lists(deeper) | st.dictionaries(st.text() | NAMES, deeper),
)


@contextlib.contextmanager
def answering(status, body):
    """A server on loopback that gives every request this answer."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST

        def log_message(self, *_arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("body", [LOGIN_PAGE, b"[]", b"{}", b"", b'{"KeyMetadata": []}', b"null", b"[" * 100000])
def test_what_is_not_kms_is_said_in_words(status, body):
    with answering(status, body) as url, pytest.raises(Problem, match="is not KMS|was refused"):
        kms.verify(kms.Kms("eu-central-1", url, sigv4.Credentials("a", "b")), "alias/x")


@pytest.mark.parametrize("url", ["kms.example", "http://[::1", "http://127.0.0.1:1/", "http://127.0.0.1:x/"])
def test_a_kms_that_can_not_be_reached_names_its_url(url):
    with pytest.raises(Problem) as error:
        kms.verify(kms.Kms("eu-central-1", url, sigv4.Credentials("a", "b")), "alias/x")
    assert f"KMS can't be reached at {url}" in str(error.value)


@pytest.mark.parametrize("body", [LOGIN_PAGE, b"[]", b"", b"role\nrole"])
def test_what_is_not_the_metadata_service_is_said_in_words(monkeypatch, body):
    with answering(200, body) as url:
        monkeypatch.setattr(metadata, "SERVICE", url)
        with pytest.raises(Problem, match="is not the instance metadata service"):
            metadata.role_credentials()


@given(JSON.map(json.dumps) | st.text())
def test_any_answer_of_kms_is_read_or_refused(text):
    with contextlib.suppress(Problem):
        kms.usable(kms.answer_of("DescribeKey", "here", text.encode("utf-8", "surrogatepass")), "alias/x")
    assert isinstance(kms.refusal("Encrypt", 400, text.encode("utf-8", "surrogatepass")), Problem)
    assert kms.decoded(text) is None or isinstance(kms.decoded(text), bytes)


@given(JSON.map(json.dumps) | st.text())
def test_any_answer_of_the_metadata_service_is_read_or_refused(text):
    with contextlib.suppress(Problem):
        metadata.role_of(text)
    with contextlib.suppress(Problem):
        metadata.credentials_of(text, "role")


# --- files


def entry(path, content="new\n", secret=False, mode=0o640):
    return files.Entry(str(path), ME, MY_GROUP, mode, content, secret)


def test_a_file_is_put_once(tmp_path):
    wanted = entry(tmp_path / "a")
    assert files.difference(wanted, files.look(wanted)) is not None
    files.put(wanted)
    assert files.difference(wanted, files.look(wanted)) is None
    assert os.listdir(tmp_path) == ["a"]


def test_a_mode_that_drifted_is_a_difference(tmp_path):
    wanted = entry(tmp_path / "a")
    files.put(wanted)
    os.chmod(tmp_path / "a", 0o666)
    diff = files.difference(wanted, files.look(wanted))
    assert "0666" in diff["before_header"]
    assert "0640" in diff["after_header"]


def test_a_mode_that_drifted_is_set_and_wants_no_restart_and_no_reload(run_module, tmp_path):
    config, noticed = tmp_path / "vault.hcl", tmp_path / "reload.hcl"
    text = "# Made by vaultops.cluster.\ntrailing_logs = 1\n"
    config.write_text(text)
    noticed.write_text("")
    config.chmod(0o666)
    for path in (config, noticed):
        os.utime(path, (1000, 1000))
    wanted = {
        "path": str(config),
        "content": text,
        "owner": ME,
        "group": MY_GROUP,
        "mode": "0640",
        "vault_config": True,
    }
    options = {"binary": "/nowhere", "reloads": {"version": "1.21.1", "noticed_by": str(noticed)}}
    assert run_module(vault_files, files=[wanted], **options)["paths"] == [str(config)]
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert service.restart_reasons(2000, None, None, [str(config)]) == []
    assert service.reload_reasons(2000, None, [str(noticed)]) == []


def test_a_file_that_has_another_name_too_is_replaced(tmp_path):
    wanted, other = entry(tmp_path / "a"), tmp_path / "other"
    files.put(wanted)
    os.chmod(wanted.path, 0o666)
    os.link(wanted.path, other)
    files.put(wanted)
    assert stat.S_IMODE(os.lstat(wanted.path).st_mode) == 0o640
    assert stat.S_IMODE(other.stat().st_mode) == 0o666


def test_secret_content_is_not_in_the_diff(tmp_path):
    (tmp_path / "key").write_text("old secret")
    wanted = entry(tmp_path / "key", "new secret", secret=True)
    diff = files.difference(wanted, files.look(wanted))
    assert "secret content, not shown" in diff["after"]
    assert "old secret" not in str(diff)
    assert "new secret" not in str(diff)


def test_of_a_configuration_that_somebody_else_made_the_diff_has_names_only(tmp_path):
    (tmp_path / "vault.hcl").write_text(
        'ui = true\nseal "awskms" {\n  secret_key = "hunter2"\n}\ntelemetry { circonus_api_token = "hunter2" }\n'
        '# pin = "hunter2"\nlist = [\n  "hunter2",\n]\nnote = <<EOF\nhunter2\nEOF\n'
        "[Service]\nEnvironment=AWS_SECRET=hunter2 \\\n  hunter2\n"
    )
    made = "# Made by vaultops.cluster. Changes made here are overwritten.\nui = true\n"
    diff = files.difference(entry(tmp_path / "vault.hcl", made), files.look(entry(tmp_path / "vault.hcl")))
    assert "hunter2" not in str(diff)
    assert all(
        name in diff["before"]
        for name in ("ui =", 'seal "awskms" {', "  secret_key =", "circonus_api_token", "[Service]")
    )
    assert "ui = true" in diff["after"]
    files.put(entry(tmp_path / "vault.hcl", made))
    diff = files.difference(entry(tmp_path / "vault.hcl", made + "x = 1\n"), files.look(entry(tmp_path / "vault.hcl")))
    assert "ui = true" in diff["before"]


def test_something_else_at_the_path_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(Problem, match="is not a regular file"):
        files.look(entry(tmp_path / "a"))


def test_an_unknown_owner_is_named(tmp_path):
    with pytest.raises(Problem, match="nobody-knows-me"):
        files.put(files.Entry(str(tmp_path / "a"), "nobody-knows-me", MY_GROUP, 0o600, "x"))


# --- what runs


def test_a_restart_is_due_when_the_process_is_older_than_its_files(tmp_path):
    path = tmp_path / "vault.hcl"
    path.write_text("x")
    changed = path.stat().st_mtime
    assert service.restart_reasons(changed + 1, "1.0.0", "1.0.0", [str(path)]) == []
    assert "newer" in service.restart_reasons(changed - 1, "1.0.0", "1.0.0", [str(path)])[0]
    assert "1.1.0 is switched on" in service.restart_reasons(changed + 1, "1.0.0", "1.1.0", [str(path)])[0]
    assert service.restart_reasons(None, None, "1.0.0", [str(path)]) == []


def test_systemd_timestamps_are_read_to_the_microsecond():
    moment = datetime.datetime(2026, 11, 24, 12, 5, 40, 123456, tzinfo=datetime.timezone.utc)
    assert service._epoch("Tue 2026-11-24 12:05:40.123456 UTC") == moment.timestamp()
    assert service._epoch("") is None


# --- Vault's own verdict


def report(**children):
    """*children*: what is said otherwise than that all is well; None: the report ends before it."""
    said = {name.replace(" ", "_"): {"status": "ok"} for name in config_check.JUDGED} | children
    listed = [{"name": name.replace("_", " "), **child} for name, child in said.items() if child is not None]
    return {"name": "Vault Diagnose", "status": "fail", "children": [{"name": "outer", "children": listed}]}


def test_the_verdict_as_a_whole_does_not_count():
    assert config_check.problems(report(Check_Storage={"status": "fail", "message": "locked"})) == []


def test_what_is_judged_counts_with_vaults_own_words():
    found = config_check.problems(
        report(Check_Autounseal_Encryption={"status": "fail", "message": "NotFoundException"})
    )
    assert found == ["Check Autounseal Encryption: NotFoundException"]


@pytest.mark.parametrize("said", [{}, {"name": "Vault Diagnose", "children": None}])
def test_a_report_that_does_not_tell_of_the_configuration_is_no_verdict(said):
    assert config_check.problems(said) == ["Parse Configuration: no verdict in the report"]


def test_a_core_that_can_not_be_made_is_what_vault_would_end_with():
    """As Vault 1.21.1 says it, whose report ends there."""
    message = "Error initializing core: cannot have DefaultLeaseTTL larger than MaxLeaseTTL."
    after = {"Check_Listener_TLS": None, "Check_Autounseal_Encryption": None}
    said = report(Check_Core_Creation={"status": "fail", "message": message}, **after)
    assert config_check.problems(said) == [f"Check Core Creation: {message}"]


@pytest.mark.parametrize("name", config_check.JUDGED)
def test_what_the_report_does_not_come_to_is_not_judged(name):
    assert config_check.problems(report()) == []
    said = report(**{name.replace(" ", "_"): None})
    assert config_check.problems(said) == [f"{name}: no verdict in the report"]
    assert config_check.problems(said, (name,)) == []


def test_an_unknown_field_is_a_mistake():
    found = config_check.problems(report(Parse_Configuration={"status": "ok", "warnings": ["unknown field uii"]}))
    assert found == ["unknown field uii"]


@pytest.mark.parametrize("check", [True, False])
def test_a_file_that_is_not_wanted_any_more_goes(run_module, tmp_path, check):
    ours = tmp_path / "old.timer"
    ours.write_text("# Made by vaultops.cluster. Changes made here are overwritten.\n[Timer]\n")
    options = {"removed": [str(ours), str(tmp_path / "never.timer")]}
    said = run_module(vault_files, check=check, **options)
    assert (said["changed"], said["paths"]) == (True, [str(ours)])
    assert said["diff"][0]["after_header"] == f"{ours} (absent)" and "[Timer]" in said["diff"][0]["before"]
    assert ours.exists() is check
    if not check:
        assert run_module(vault_files, **options)["changed"] is False


def test_somebody_elses_file_stays_and_so_does_all_else(run_module, tmp_path):
    theirs, new = tmp_path / "old.timer", tmp_path / "new"
    theirs.write_text("[Timer]\n")
    files = [{"path": str(new), "content": "x", "owner": ME, "group": MY_GROUP}]
    said = run_module(vault_files, files=files, removed=[str(theirs)])
    assert said["failed"] and said["msg"].startswith(f"{theirs} is there, and is not this collection's.")
    assert theirs.exists() and not new.exists()


@pytest.mark.parametrize(
    ("changed", "version", "reason"),
    [
        ("trailing_logs = 2", "1.21.1", "reload"),
        ("trailing_logs = 2", "1.18.0", "restart"),
        ("trailing_logs = 2", "", "restart"),
        ("raft_wal = true", "1.21.1", "restart"),
    ],
)
def test_what_a_reload_takes_wants_no_restart_from_then_on(run_module, tmp_path, changed, version, reason):
    config, noticed = tmp_path / "vault.hcl", tmp_path / "reload.hcl"
    text = '# Made by vaultops.cluster.\nstorage "raft" {\n  trailing_logs = 1\n}\n'
    config.write_text(text)
    noticed.write_text("")
    for path in (config, noticed):
        os.utime(path, (1000, 1000))
    wanted = text.replace("  trailing_logs = 1", f"  {changed}")
    files = [{"path": str(config), "content": wanted, "owner": ME, "group": MY_GROUP, "vault_config": True}]
    options = {"files": files, "binary": "/nowhere", "reloads": {"version": version, "noticed_by": str(noticed)}}
    assert run_module(vault_files, check=True, **options)["paths"] == [str(config)]
    assert (config.read_text(), noticed.stat().st_mtime) == (text, 1000)
    assert run_module(vault_files, **options)["paths"] == [str(config)]
    assert config.read_text() == wanted
    reasons = {
        "restart": service.restart_reasons(2000, None, None, [str(config)]),
        "reload": service.reload_reasons(2000, None, [str(noticed)]),
    }
    assert {name for name, found in reasons.items() if found} == {reason}
    assert run_module(vault_files, **options)["changed"] is False


def test_without_a_word_on_reloads_every_change_wants_a_restart(run_module, tmp_path):
    config = tmp_path / "vault.hcl"
    config.write_text("# Made by vaultops.cluster.\ntrailing_logs = 1\n")
    os.utime(config, (1000, 1000))
    files = [{"path": str(config), "content": "x", "owner": ME, "group": MY_GROUP, "vault_config": True}]
    run_module(vault_files, files=files, binary="/nowhere")
    assert service.restart_reasons(2000, None, None, [str(config)])


@pytest.fixture
def diagnosing(tmp_path):
    """Stands in for a Vault whose verdict on the listener is that its certificate is not there."""
    binary = tmp_path / "vault"
    verdict = report(Check_Listener_TLS={"status": "fail", "message": "certificate file not found"})
    binary.write_text(f"#!/bin/sh\necho '{json.dumps(verdict)}'\n")
    binary.chmod(0o755)
    return {
        "binary": str(binary),
        "listener_files": [str(tmp_path / "vault.crt"), str(tmp_path / "vault.key")],
        "files": [
            {
                "path": str(tmp_path / "vault.hcl"),
                "content": "x",
                "owner": ME,
                "group": MY_GROUP,
                "mode": "0640",
                "vault_config": True,
            }
        ],
    }


def test_in_check_mode_the_listener_is_not_judged_by_files_that_are_not_laid_down_yet(run_module, diagnosing, tmp_path):
    assert run_module(vault_files, check=True, **diagnosing)["paths"] == [str(tmp_path / "vault.hcl")]
    for path in diagnosing["listener_files"]:
        with open(path, "w", encoding="utf-8"):
            pass
    assert "certificate file not found" in run_module(vault_files, check=True, **diagnosing)["msg"]


def test_when_it_counts_the_listener_is_judged_by_the_files_that_it_names(run_module, diagnosing, tmp_path):
    assert "certificate file not found" in run_module(vault_files, **diagnosing)["msg"]
    assert not (tmp_path / "vault.hcl").exists()


@pytest.mark.parametrize("answer", ["[1]", "null", "{", ""])
def test_a_verdict_that_is_none_is_said(run_module, diagnosing, tmp_path, answer):
    (tmp_path / "vault").write_text(f"#!/bin/sh\necho '{answer}'\n")
    assert "'vault operator diagnose' failed" in run_module(vault_files, **diagnosing)["msg"]


def test_an_openbao_that_has_no_verdict_or_another_one_is_named_as_that(run_module, diagnosing, tmp_path):
    binary = tmp_path / "bao"
    (tmp_path / "vault").rename(binary)
    diagnosing["binary"] = str(binary)
    said = run_module(vault_files, **diagnosing)["msg"]
    assert said.startswith("OpenBao rejects the new configuration: ") and "Vault" not in said
    binary.write_text("#!/bin/sh\n")
    assert "'bao operator diagnose' failed" in run_module(vault_files, **diagnosing)["msg"]


def test_a_vault_that_can_not_be_run_is_said(run_module, diagnosing, tmp_path):
    (tmp_path / "vault").chmod(0o644)
    assert "can't be run" in run_module(vault_files, **diagnosing)["msg"]


@pytest.mark.parametrize(
    ("release", "seal"), [("2.5.5/bao", ""), ("2.6.0/bao", "shamir"), ("2.7.1/bao", "shamir"), ("1.21.1/vault", "")]
)
def test_an_openbao_that_ends_in_a_panic_at_the_seal_judges_all_but_that(
    run_module, diagnosing, tmp_path, release, seal
):
    binary = tmp_path / "releases" / release
    binary.parent.mkdir(parents=True)
    binary.write_text(f"#!/bin/sh\n[ \"$BAO_SEAL_TYPE\" = '{seal}' ] && echo '{json.dumps(report())}'\n")
    binary.chmod(0o755)
    diagnosing["binary"] = str(tmp_path / "link")
    (tmp_path / "link").symlink_to(binary)
    assert run_module(vault_files, **diagnosing).get("changed")


def test_in_check_mode_a_directory_of_plugins_may_be_one_that_the_run_would_make(run_module, diagnosing, tmp_path):
    binary = tmp_path / "vault"
    there = 'sed -n \'s/^plugin_directory = "\\(.*\\)"/\\1/p\' "${3#-config=}"'
    binary.write_text(f"#!/bin/sh\ntest -d \"$({there})\" && echo '{json.dumps(report())}'\n")
    diagnosing["files"][0]["content"] = f'plugin_directory = "{tmp_path}/plugins/v0.2.0"\n'
    assert run_module(vault_files, check=True, **diagnosing).get("changed")
    assert "failed" in run_module(vault_files, **diagnosing)["msg"]
    (tmp_path / "plugins" / "v0.2.0").mkdir(parents=True)
    assert run_module(vault_files, **diagnosing).get("changed")


# --- when the service last read its files

STARTED = "Wed 2026-11-25 23:34:44.508039 UTC"
ENTERED = "Wed 2026-11-25 23:34:44.669331 UTC"
RELOADED = "Wed 2026-11-25 23:39:11.060611 UTC"
DONE = "Wed 2026-11-25 23:39:11.103051 UTC"


@pytest.mark.parametrize(
    ("ran", "changed", "state", "found"),
    [
        (RELOADED, DONE, "active", RELOADED),
        ("n/a", DONE, "active", DONE),  # after a daemon-reload
        ("n/a", ENTERED, "active", None),  # never reloaded
        ("n/a", DONE, "deactivating", None),
    ],
)
def test_a_reload_is_remembered_over_a_daemon_reload(tmp_path, monkeypatch, ran, changed, state, found):
    answer = [
        "LoadState=loaded",
        f"ActiveState={state}",
        "MainPID=7",
        f"ExecMainStartTimestamp={STARTED}",
        f"ExecReload={{ path=/bin/kill ; start_time=[{ran}] ; stop_time=[n/a] ; pid=0 }}",
        f"ActiveEnterTimestamp={ENTERED}",
        f"StateChangeTimestamp={changed}",
    ]
    (tmp_path / "answer").write_text("\n".join(answer))
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\ncat {tmp_path}/answer\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    moment = datetime.datetime.strptime(found, "%a %Y-%m-%d %H:%M:%S.%f UTC") if found else None
    expected = moment.replace(tzinfo=datetime.timezone.utc).timestamp() if moment else None
    assert service.read_unit("vault")["reloaded"] == expected
