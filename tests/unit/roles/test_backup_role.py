"""What the role lays down on a node for the backup tool."""

from __future__ import annotations

import re
import typing as t

import jinja2
import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import config, probe
from kit.paths import ROOT
from kit.templates import BASE, INPUTS, by_filters, trusted

ROLE = ROOT / "roles" / "vault_backup"
ARN = "arn:aws:kms:eu-central-1:123456789012:key/"
KNOWN = {
    **BASE,
    "vault_backup_seen": {"python": "3.11", "machine": "x86_64"},
    "__vault_backup_release": "/opt/vault-backup/0a1b",
    "__vault_backup_key": {"kms_keys": [{"arn": f"{ARN}5ea1"}]},
}


def variables(**given: t.Any) -> Templar:
    files = [INPUTS, ROLE / "defaults" / "main.yml", ROLE / "vars" / "main.yml"]
    read = {name: value for path in files for name, value in trusted(yaml.safe_load(path.read_text())).items()}
    known = {**read, **KNOWN, **given}
    return Templar(loader=DataLoader(), variables={**known, **by_filters(known)})


def value(name: str, **given: t.Any) -> t.Any:
    return variables(**given).template(trusted(f"{{{{ {name} }}}}"))


def service(metrics_dir: str, name: str = "vault-backup") -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True, autoescape=False
    )
    given = {"vault_backup_dir": "/data", "vault_backup_metrics_dir": metrics_dir, "__vault_backup_release": "/opt/x"}
    given |= {"vault_node_tls_dir": "/tls", "__vault_backup_credentials": "/run/vault-backup"}
    given |= {"__vault_backup_probe_credentials": "/run/vault-probe", "vault_backup_probe_timeout": 10}
    given |= {"vault_backup_audit_dir": "/archive", "__vault_backup_data": "/raft"}
    given |= {"__vault_backup_hardening": (ROLE / "templates" / "hardening.j2").read_text()}
    return environment.get_template(f"{name}.service.j2").render(given)


@pytest.mark.parametrize(("given", "encrypts"), [("", f"{ARN}5ea1"), (f"{ARN}0ther", f"{ARN}0ther")])
def test_the_tool_takes_its_configuration_and_learns_of_the_unseal_key_in_any_case(given, encrypts):
    found = config.parse(value("__vault_backup_config", vault_snapshot_key_arn=given, vault_snapshot_bucket="b-1"))
    assert (found.kms.key_arn, found.seal_key_arn) == (encrypts, f"{ARN}5ea1")


@pytest.mark.parametrize(("python", "file"), [("3.9", "requirements-3.9.txt"), ("3.10", "requirements.txt")])
def test_a_node_gets_the_packages_of_its_python(python, file):
    seen = {"python": python, "machine": "x86_64"}
    found = ROOT / value("__vault_backup_requirements_file", vault_backup_seen=seen)
    assert found == ROLE / "files" / file and found.is_file()


@pytest.mark.parametrize(
    ("name", "parsed", "kind"), [("vault-backup", config.parse, ""), ("vault-probe", config.parse_probe, "_probe")]
)
def test_the_tool_looks_for_the_node_s_key_where_its_unit_copies_it_and_nowhere_is_it_left(name, parsed, kind):
    found = parsed(value(f"__vault_backup{kind}_config")).vault
    lines = [line.partition("=")[2].split() for line in service("", name).splitlines() if line.startswith("ExecS")]
    folder, copy, run, after = lines
    where = value(f"__vault_backup{kind}_credentials")
    assert folder[-1] == where and folder[3:8:2] == ["root", "vault-backup", "0750"]
    assert copy[8] == where and copy[2:7:2] == ["root", "vault-backup", "0440"]
    assert {path.replace("/tls/", f"{where}/") for path in copy[9:]} == {
        found.ca_cert,
        found.client_cert,
        found.client_key,
    }
    assert after == ["+/usr/bin/rm", "-rf", where] and not run[0].startswith("+")


def test_a_probe_takes_its_configuration_and_logs_in_as_nothing_else_may():
    found = config.parse_probe(value("__vault_backup_probe_config", vault_backup_probe_timeout="7"))
    assert (found.vault.role, found.vault.timeout_seconds) == (value("vault_probe_access").get("name"), 7)
    assert found.metrics_file == "/var/lib/prometheus/node-exporter/vault_probe.prom"
    paths = re.findall(r'path "([^"]+)"', value("vault_probe_access")["policy"])
    assert paths == [probe.PLACE, "auth/token/revoke-self"]


def closed(name):
    """What the unit may not do, without comments: its last part, after a second empty line."""
    lines = service("/metrics", name).split("\n\n", 2)[2].splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_both_units_are_closed_in_the_same_way():
    without = [
        [line for line in closed(name) if "ReadWritePaths" not in line] for name in ("vault-probe", "vault-backup")
    ]
    assert without[0] == without[1]
    assert {"CapabilityBoundingSet=", "LimitCORE=0", "NoNewPrivileges=yes", "ProtectSystem=strict"} < {*without[0]}
    assert "\nReadWritePaths=-/metrics\n" in service("/metrics", "vault-probe")
    assert "ReadWritePaths" not in service("", "vault-probe")


def test_the_archive_s_unit_opens_what_it_reads_and_closes_what_is_vault_s():
    """It reads files of others. So of those whose reading would do harm it sees none, and the rest is closed as for snapshots."""
    archive, backup = ({*closed(name)} for name in ("vault-audit-archive", "vault-backup"))
    assert archive - backup == {
        "AmbientCapabilities=CAP_DAC_READ_SEARCH",
        "CapabilityBoundingSet=CAP_DAC_READ_SEARCH",
        "InaccessiblePaths=-/raft /tls -/root -/etc/ssh -/etc/shadow -/etc/shadow- -/etc/gshadow -/etc/gshadow-",
        "ReadWritePaths=/archive -/metrics",
        "SystemCallFilter=~open_by_handle_at",
    }
    assert {line.partition("=")[0] for line in backup - archive} == {"CapabilityBoundingSet", "ReadWritePaths"}


def test_the_archive_takes_its_configuration_and_has_a_place_of_each_node_s_own():
    found = config.parse_archive(value("__vault_backup_archive_config", vault_snapshot_bucket="b-1"))
    assert found.s3.prefix == f"audit/{BASE['vault_cluster_name']}/{BASE['inventory_hostname']}"
    assert found.files == ["/var/log/vault/audit.log"]
    assert found.metrics_file == "/var/lib/prometheus/node-exporter/vault_audit_archive.prom"


@pytest.mark.parametrize("name", ["vault-backup", "vault-probe", "vault-audit-archive"])
def test_no_service_runs_as_user_vault(name):
    assert "\nUser=vault-backup\nGroup=vault-backup\n" in service("", name)


def test_nothing_of_it_is_user_vault_s():
    entries = value("__vault_backup_directories + __vault_backup_metrics_directories", vault_backup=True)
    assert {entry.get(kind, "root") for entry in entries for kind in ("owner", "group")} == {"root", "vault-backup"}
    written = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__vault_backup_snapshot_files"][0]
    configuration = {name: written[name] for name in ("path", "group", "mode")}
    assert configuration == {"path": "/etc/vault-backup/config.json", "group": "vault-backup", "mode": "0640"}


def test_what_the_tool_s_user_runs_is_opened_to_it_and_marked_when_it_is_all_there():
    directories = {item["path"]: item.get("mode", "0755") for item in value("__vault_backup_directories")}
    assert directories["/opt/vault-backup"] == directories["/opt/vault-backup/0a1b"] == "0755"
    tasks = yaml.safe_load((ROLE / "tasks" / "install.yml").read_text())
    waiting = {task["name"] for task in tasks if "__vault_backup_complete" in str(task)}
    assert waiting == {"Make a virtual environment for it", "Unpack it there"}
    last = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__vault_backup_tool_files"][0]["path"]
    assert value(last.strip("{} ")) == value("__vault_backup_complete") == "/opt/vault-backup/0a1b/complete"


@pytest.mark.parametrize(
    ("given", "takes", "ends"),
    [
        ({}, False, False),  # not told of a bucket, a run must not end what another one has set up
        ({"vault_snapshot_bucket": "b-1"}, True, False),
        ({"vault_backup": True}, True, False),
        ({"vault_backup": "true"}, True, False),
        ({"vault_backup": "false"}, False, True),
        ({"vault_backup": False, "vault_snapshot_bucket": "b-1"}, False, True),
    ],
)
def test_a_schedule_is_begun_and_ended_by_an_explicit_word(given, takes, ends):
    assert value("vault_takes_snapshots", **given) is takes
    assert value("vault_ends_snapshots", **given) is ends
    timer = {"units": {"vault-backup.timer": {"enabled": True, "active": True}}, "python": "3.11", "machine": "x86_64"}
    todo = value("vault_backup_todo", **given, vault_backup_seen=timer, __vault_backup_out_of_line=["a file"])
    assert todo == (["a file"] if takes else ["vault-backup.timer"] if ends else [])


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("archives", [True, False])
@pytest.mark.parametrize("probes", [True, False, "true", "false"])
def test_a_node_has_what_it_is_told_to_do_and_no_more(takes, probes, archives):
    told = {"vault_backup": takes, "vault_probe": probes, "vault_audit_archive": archives}
    probes = probes in (True, "true")
    assert value("vault_uses_tool", **told) is (takes or probes or archives)
    jobs = ["vault-backup"] * takes + ["vault-probe"] * probes + ["vault-audit-archive"] * archives
    assert value("__vault_backup_jobs", **told) == jobs
    directories = {item["path"] for item in value("__vault_backup_directories", **told)}
    assert ("/var/lib/vault-backup" in directories) is takes
    assert ("/var/lib/vault-audit-archive" in directories) is archives
    assert value("vault_probe_access.state", **told) == ("present" if probes else "absent")


@pytest.mark.parametrize(
    ("job", "wanted", "file", "kind"),
    [
        ("vault-probe", "vault_probe", "probe.json", "probe"),
        ("vault-audit-archive", "vault_audit_archive", "audit.json", "archive"),
    ],
)
def test_a_job_that_is_wanted_no_more_is_removed_as_far_as_it_is_there(job, wanted, file, kind):
    left = [f"/etc/systemd/system/{job}.timer", f"/etc/vault-backup/{file}"]
    seen = {"paths": dict.fromkeys([*left, "/etc/vault-backup/config.json"], {}), "python": "3.11", "machine": "x86_64"}
    calm = {"vault_backup_seen": seen, "__vault_backup_out_of_line": []}
    for told, todo in (({}, left), ({wanted: True}, [])):
        assert value("vault_backup_todo", **told, **calm) == todo
        assert value("vault_backup_ends", **told, **calm) == ([job] if todo else [])
    written = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())[f"__vault_backup_{kind}_files"]
    assert {item["path"] for item in written} | {value(f"__vault_backup_{kind}_metrics")} == set(
        value("__vault_backup_job_paths")[job]
    )
    assert job in value("vault_backup_ending"), "who leaves is told so as well"


@pytest.mark.parametrize(
    ("leaving", "ids"),
    [([], []), ("", []), ("vault-2", ["vault-2"]), ("a, b,", ["a", "b"]), (["a", 7], ["a", "7"]), (7, ["7"])],
)
def test_who_leaves_is_given_as_a_list_or_in_words(leaving, ids):
    assert value("vault_leaving_ids", vault_leaving=leaving) == ids


@pytest.mark.parametrize(
    ("inputs", "kms", "s3"),
    [
        ({}, None, None),
        ({"vault_aws_endpoints": {"s3": "https://s3.example.com"}}, None, "https://s3.example.com"),
        (
            {"vault_aws_fips": True},
            "https://kms-fips.eu-central-1.amazonaws.com",
            "https://s3-fips.eu-central-1.amazonaws.com",
        ),
    ],
)
def test_the_tool_asks_aws_where_it_is_told_to(inputs, kms, s3):
    found = config.parse(value("__vault_backup_config", vault_snapshot_bucket="b-1", **inputs))
    assert (found.kms.endpoint_url, found.s3.endpoint_url) == (kms, s3)
