"""The status page in a real browser, in every condition of a cluster; and the play, where nobody answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import boto3
import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest
from ansible_collections.vaultops.cluster.plugins.module_utils._status import render
from kit import status_samples as samples
from kit.paths import ROOT
from moto.server import ThreadedMotoServer

WIDTHS = (400, 1280)
# Chromium asks its makers for this and that whatever one says: no name resolves, and there is no proxy.
QUIET = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "hide-scrollbars",
    "no-first-run",
    "disable-sync",
    "disable-extensions",
)
QUIET += ("disable-background-networking", "disable-component-update", "disable-default-apps")
QUIET += ("no-proxy-server", "host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
QUIET += ("disable-domain-reliability", "enable-logging=stderr", "virtual-time-budget=4000")
# Measures the page from inside, and tells the page that frames it. The rendered page itself holds no script.
PROBE = """<script>addEventListener("load", () => {
  const box = (one) => one.getBoundingClientRect(), seen = (one) => box(one).width > 0 && box(one).height > 0;
  const all = (selector, from) => [...(from || document).querySelectorAll(selector)];
  const inside = (one, outer) => box(one).left >= box(outer).left - 1 && box(one).right <= box(outer).right + 1 &&
    box(one).top >= box(outer).top - 1 && box(one).bottom <= box(outer).bottom + 1;
  parent.postMessage(JSON.stringify({
    width: innerWidth, needed: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight,
    tooWide: all("body *").filter((one) => box(one).right > innerWidth + 0.5).map((one) => one.outerHTML.slice(0, 200)),
    drawings: all("svg").filter((one) => getComputedStyle(one).display !== "none").map((one) =>
      [one.getAttribute("class"), box(one).width, box(one).height]),
    texts: all("th, td, text, h1, dd, span").filter(seen).map((one) => (one.querySelector("title") || one).textContent),
    spilt: all("svg text").filter(seen).filter((one) => !inside(one, one.closest("svg")) ||
      all(":scope > rect.box", one.parentNode).some((around) => !inside(one, around))).map((one) => one.textContent),
    squeezed: all("dd, td > span").filter((one) => box(one).height > 3 * box(one).width).map((one) => one.textContent),
    loaded: performance.getEntriesByType("resource").map((one) => one.name),
  }), "*");
});</script>"""
FRAME = """<!DOCTYPE html><body style="margin:0"><pre id="said"></pre>
<script>addEventListener("message", (event) => { document.getElementById("said").textContent = event.data; });</script>
<iframe src="%s" style="border:0;display:block;width:%dpx;height:%dpx"></iframe>"""


class Browser:
    """Looks at a page in a frame: a window of Chromium's own is never narrower than 500 px."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Screenshots are for people, who say where they want them.
        self.pictures = Path(os.environ.get("STATUS_PICTURES", folder))
        assert shutil.which("chromium"), "Chromium is missing: make setup installs it"

    def run(self, url: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [
            "chromium",
            *(f"--{option}" for option in QUIET),
            f"--user-data-dir={self.folder}/profile",
            *options,
            url,
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    def measure(self, html: str, width: int) -> tuple[dict, list[str], set[str]]:
        """What the probe says, what was written to the console, and which addresses were asked for."""
        html = html.replace("; style-src", "; script-src &#x27;unsafe-inline&#x27;; style-src", 1)
        probed = self.folder / "probed.html"
        probed.write_text(html.replace("</body>", PROBE + "</body>"))
        framed = self.folder / "framed.html"
        framed.write_text(FRAME % (probed.as_uri(), width, 900))
        log = self.folder / "net.json"
        done = self.run(framed.as_uri(), f"--window-size={max(width, 500)},1000", f"--log-net-log={log}", "--dump-dom")
        said = re.search(r'<pre id="said">(.*?)</pre>', done.stdout, re.S)
        assert said and said.group(1), done.stdout[:2000]
        text = said.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        return json.loads(text), console, asked_for(log)

    def picture(self, html: str, name: str, width: int, height: int, dark: bool) -> Path:
        shown = self.folder / "shown.html"
        shown.write_text(html)
        framed = self.folder / "framed.html"
        framed.write_text(FRAME % (shown.as_uri(), width, height))
        made = self.pictures / f"{name}-{width}-{'dark' if dark else 'light'}.png"
        colours = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        self.run(framed.as_uri(), f"--window-size={max(width, 500)},{height}", colours, f"--screenshot={made}")
        return made


def asked_for(log: Path) -> set[str]:
    """What a page asked for, and not Chromium itself, whose requests have no origin."""
    requests = [event.get("params") or {} for event in json.loads(log.read_text())["events"]]
    pages = {one["url"] for one in requests if one.get("initiator", "not an origin") != "not an origin"}
    return {url for url in pages if not url.startswith(("file:", "data:"))}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    return Browser(tmp_path_factory.mktemp("browser"))


def sound(browser, html, name, width):
    """What the probe found on a page that fits, asks for nothing and is dark where one wants it dark."""
    found, console, asked = browser.measure(html, width)
    assert console == []
    assert asked == set()
    assert found["loaded"] == []
    assert found["width"] == width
    assert found["tooWide"] == []
    assert found["needed"] <= width
    assert found["spilt"] == []
    assert found["squeezed"] == []
    assert all(wide > 0 and high > 0 for _, wide, high in found["drawings"])
    pictures = [browser.picture(html, name, width, min(found["height"], 6000), dark) for dark in (False, True)]
    assert all(one.stat().st_size > 10_000 for one in pictures)
    assert pictures[0].read_bytes() != pictures[1].read_bytes(), "dark is light"
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", samples.EVERY)
def test_a_page_in_every_condition(browser, name, width):
    made = samples.EVERY[name]()
    found = sound(browser, render.status(made), name, width)
    for node in made["nodes"]:
        assert sum(node["name"] in text for text in found["texts"]) >= 2, "in the drawing and in the table"
    kinds = [kind for kind, *_ in found["drawings"]]
    assert [kind for kind in kinds if "picture" in kind] == [f"picture {'narrow' if width < 760 else 'wide'}"]
    assert kinds.count("plot") == (2 if made["snapshots"]["listed"] else 0)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [1, 14])
def test_the_page_of_the_drills(browser, count, width):
    found = sound(browser, render.drills("prod", samples.drills(count)), f"drills-{count}", width)
    assert [kind for kind, *_ in found["drawings"]].count("plot") == 2


def test_the_probe_sees_what_it_looks_for(browser):
    """Else the tests above would pass on any page."""
    html = render.status(samples.document()).replace("img-src data:", "img-src data: http:", 1)
    html = html.replace(
        "</main>",
        '<div style="width:1300px">wide</div><img src="http://127.0.0.1:9/a.png">'
        '<script src="http://127.0.0.1:9/a.js"></script>'
        '<svg width="9" height="9"><text x="0" y="9">spilt</text></svg></main>',
    )
    found, console, asked = browser.measure(html, 400)
    assert any("wide" in one for one in found["tooWide"])
    assert found["needed"] >= 1300
    assert "spilt" in found["spilt"]
    assert asked == {"http://127.0.0.1:9/a.png"}
    assert any("Content Security Policy" in line for line in console)


@pytest.fixture
def inventory(tmp_path):
    """Three nodes on loopback, where nobody answers, and an AWS that does not either."""
    return inventory_in(tmp_path, "http://127.0.0.1:9")


@pytest.fixture
def inventory_with_aws(tmp_path):
    """The same with a key, a bucket and a snapshot in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    kms, s3 = (boto3.client(name, region_name="eu-central-1", endpoint_url=url) for name in ("kms", "s3"))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/vault-unseal", TargetKeyId=key)
    s3.create_bucket(Bucket="example", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    name = manifest.name("unit", None, "vault-1", "2026-11-01T06:00:00Z", 7)
    texts = {field: "x" for field, kind in manifest.Manifest.__annotations__.items() if kind == "str"}
    numbers = {field: 7 for field, kind in manifest.Manifest.__annotations__.items() if kind == "int"}
    times = {"started_at": "2026-11-01T06:00:00Z", "finished_at": "2026-11-01T06:00:09Z"}
    whose = {"cluster_name": "unit", "node_name": "vault-1", "format": manifest.UNBOUND, "name": name, "seal": ""}
    made = manifest.Manifest(**{**texts, **numbers, **times, **whose})
    s3.put_object(Bucket="example", Key=f"snapshots/{name}", Body=bytes(made.encrypted_bytes))
    s3.put_object(Bucket="example", Key=f"snapshots/{name}.json", Body=made.to_json())
    s3.put_object(Bucket="example", Key="records/unit/drills/1.json", Body=json.dumps(samples.DRILL))
    s3.put_object(Bucket="example", Key="records/unit/drills/2.json", Body=b"\xff{{ 1 + 1 }}")
    s3.put_object(Bucket="example", Key="records/unit/drills/drills.html", Body=b"<p>")
    ec2 = boto3.client("ec2", region_name="eu-central-1", endpoint_url=url)
    for value in ("unit/drill", "unit", "other/drill"):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "vault-cluster", "Value": value}]}]
        ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=tags)
    yield inventory_in(tmp_path, url)
    server.stop()


def inventory_in(tmp_path, aws):
    nodes = {f"vault-{number}": {"vault_address": f"127.9.9.{number}"} for number in (1, 2, 3)}
    about = {"vault_version": "1.21.1", "vault_cluster_name": "unit", "vault_aws_region": "eu-central-1"}
    about |= {"vault_aws_endpoint_url": aws, "vault_snapshot_bucket": "example", "vault_drill_machine": True}
    openssl = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=unit -keyout /dev/null"
    )
    subprocess.run([*openssl.split(), "-out", str(tmp_path / "ca.crt")], capture_output=True, check=True)
    about |= {"vault_ca_file": str(tmp_path / "ca.crt"), "vault_output_dir": str(tmp_path / "output")}
    hosts = {"all": {"children": {"vault": {"hosts": nodes}}, "vars": about}}
    path = tmp_path / "hosts.yml"
    path.write_text(yaml.safe_dump(hosts))
    return path


def play(inventory, *options, code=2):
    """An outage, as the exit status says, unless something else is expected."""
    command = ["ansible-playbook", "-i", str(inventory), "playbooks/status.yml", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == code, done.stdout + done.stderr
    assert "changed=0" in done.stdout
    return done.stdout


def test_a_cluster_that_is_down_still_gives_a_page_and_check_writes_nothing(inventory):
    output = inventory.parent / "output"
    assert "The cluster is down" in play(inventory, "--check")
    assert "The cluster is down" in play(inventory, "-e", "vault_output_dir=")
    assert not output.exists() and not (inventory.parent / "controller" / "status").exists()
    assert "Problem: vault-2 does not answer" in play(inventory)
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (output / "status").iterdir()}
    assert files == {"status.json": 0o600, "status.html": 0o600}
    made = json.loads((output / "status/status.json").read_text())
    assert made["cluster"]["state"] == "down"
    assert "KMS can't be reached" in made["key"]["problem"]
    assert "S3 can't be reached" in made["snapshots"]["problem"]
    # What can't be read is no drill that was not held.
    assert "Check the region, the endpoint" in made["drill"]["problem"]
    # Nor is a machine that can't be seen one that is gone.
    assert "Could not connect" in made["drill"]["machines_problem"]
    assert any("left a machine can't be read" in one["text"] for one in made["findings"])
    assert (output / "status/status.html").read_text() == render.status(made)


def test_a_controller_that_sees_nothing_does_not_call_it_an_outage(inventory):
    (inventory.parent / "ca.crt").unlink()
    said = " ".join(play(inventory, code=4).split())
    assert "This controller can't see the cluster unit, so nobody knows from here whether it serves" in said
    assert "Name the CA's file (vault_ca_file)" in said
    assert "The cluster is down" not in said
    made = json.loads((inventory.parent / "output" / "status/status.json").read_text())
    assert made["cluster"]["state"] == "unseen"


def test_what_aws_says_is_read_where_no_node_answers(inventory_with_aws):
    said = play(inventory_with_aws)
    assert "Unseal key alias/vault-unseal: Enabled" in said
    assert "taken on vault-1: unit_20261101T060000Z_7_vault-1.snap.encrypted" in said
    made = json.loads((inventory_with_aws.parent / "output" / "status/status.json").read_text())
    assert made["key"]["problem"] is None
    assert made["snapshots"]["last"]["encrypted_bytes"] == 7
    (machine,) = made["drill"]["machines"]
    assert f"aws ec2 terminate-instances --region eu-central-1 --instance-ids {machine['instance_id']}" in said
    # From the bucket, which any controller reads.
    assert made["drill"]["last"]["result"] == "passed"
    assert made["drill"]["unreadable"] == [made["drill"]["unreadable"][0]]
    assert "drills/2.json can't be read" in made["drill"]["unreadable"][0]
