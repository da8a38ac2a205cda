"""Every query of the dashboard, asked of Debian's Prometheus with what a real cluster has said, shows data."""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import subprocess
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import archive, metrics, probe
from ansible_collections.vaultops.cluster.plugins.module_utils._backup.rotated import Rotated
from kit.paths import GOLDEN, ROOT

FOLDER = ROOT / "docs" / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]
# Two looks at three nodes of Vault 1.21.1, a minute apart; of each metric its samples alone. Between and after them each series
# goes on as it went from the first to the second. The machine of all three is one.
RECORDED = GOLDEN / "metrics"
MINUTES, STEP_SECONDS, START_SECONDS, DATA_SECONDS = 40, 30, 30, 20
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


def series(name: str) -> dict[tuple[str, str], float]:
    found = {}
    for line in (RECORDED / name).read_text().splitlines():
        sample = SAMPLE.match(line)
        assert sample, line
        found[sample[1], sample[2] or ""] = float(sample[3])
    return found


def labelled(name: str, labels: str, **more: str) -> str:
    given = ",".join(f'{key}="{value}"' for key, value in more.items())
    return f"{name}{{{labels}{',' if labels else ''}{given}}}"


def history(now: float) -> t.Iterator[str]:
    """As OpenMetrics, which promtool makes blocks of."""
    times = [now - seconds for seconds in range(MINUTES * 60, -1, -STEP_SECONDS)]
    for job, kind in (("vault", "vault"), ("vault-health", "probe"), ("node", "node")):
        for node in ("vault-1", "vault-2", "vault-3"):
            first, second = series(f"{kind}-{node}.1.prom"), series(f"{kind}-{node}.2.prom")
            to = {"job": job, "instance": node, "vault_cluster": "lab"}
            first["up", ""] = second["up", ""] = 1
            # A quantile of which nothing was seen lately is left out of a look.
            for (name, labels), value in {**first, **second}.items():
                growth = (value - first.get((name, labels), value)) * STEP_SECONDS / 60
                for count, moment in enumerate(times):
                    yield f"{labelled(name, labels, **to)} {value + growth * count} {moment}"
    own = metrics.success(now - 3600, 9, 13_000_000, 13_004_096, 4711) | metrics.attempt(now - 3600, 0)
    steps = probe.Steps()
    steps.seconds |= {"login": 0.124, "write": 0.009, "read": 0.007, "revoke": 0.034}
    own |= probe.samples(now - 20, steps, True)
    own |= archive.samples(now - 20, 8, [Rotated("audit.log.1", "audit.log", "", now - 7200, 1)])
    own[archive.LAST_SUCCESS] = now - 3600
    own["vault_drill_last_success_timestamp_seconds"] = now - 86400
    for moment in times:
        for name, value in own.items():
            plain, _, labels = name.rstrip("}").partition("{")
            yield f"{labelled(plain, labels, job='node', instance='vault-1:9100', vault_cluster='lab')} {value} {moment}"
        # Of this one nothing else is known, so that there is an alert to show.
        yield f'up{{job="vault",instance="new",vault_cluster="new"}} 1 {moment}'


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    assert shutil.which("prometheus"), "prometheus is missing: make setup installs Debian's package prometheus"
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "said").write_text("\n".join([*history(time.time()), "# EOF", ""]))
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "said", "data"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True, timeout=120)
    rules = {"global": {"evaluation_interval": "1s"}, "rule_files": [str(FOLDER / "vault.rules.yml")]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(rules))
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready(address):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


def ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5):
            return True
    except OSError:
        return False


def ask(address: str, query: str) -> list[dict[str, t.Any]]:
    """The samples that have a value. What the rules record comes a second after the start."""
    url = f"http://{address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    deadline = time.monotonic() + DATA_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            pytest.fail(f"{query}: {error.read().decode()}")
        shown = [one for one in found if math.isfinite(float(one["value"][1]))]
        if shown or time.monotonic() > deadline:
            return shown
        time.sleep(0.2)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("cluster", [".*", "lab|new"], ids=["all", "some"])
def test_a_query_shows_data(prometheus, query, cluster):
    asked = query.replace("$vault_cluster", cluster).replace("$__rate_interval", "4m")
    assert "$" not in asked
    assert ask(prometheus, asked), asked


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_of_the_cluster_that_was_chosen(prometheus, query):
    assert 'vault_cluster=~"$vault_cluster"' in query
    url = query.replace("$vault_cluster", "another").replace("$__rate_interval", "4m")
    answered = f"http://{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': url})}"
    with urllib.request.urlopen(answered, timeout=10) as answer:
        assert json.load(answer)["data"]["result"] == []


def test_the_clusters_to_choose_from_are_found(prometheus):
    (variable,) = [one for one in DASHBOARD["templating"]["list"] if one["name"] == "vault_cluster"]
    asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
    assert asked and variable["query"]["query"] == variable["definition"]
    assert {one["metric"][asked[2]] for one in ask(prometheus, asked[1])} == {"lab", "new"}
    # Who has one cluster may leave the label out.
    assert re.fullmatch(variable["allValue"], "")


def test_every_panel_has_a_place_of_its_own():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24 and not taken & cells, panel["title"]
        cells |= taken


def test_every_panel_asks_the_prometheus_that_was_chosen():
    for panel in PANELS:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"
