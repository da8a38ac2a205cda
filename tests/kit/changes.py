"""A cluster that is changed while clients write."""

from __future__ import annotations

import json
import subprocess

from kit.login import as_operator
from kit.probe import Probe, prepare
from labkit.settings import inventory_version

OLD, NEW = "1.21.0", inventory_version()


LONGEST_GAP_SECONDS = 1.0


def make_cluster(bench, **variables):
    if "vault_version" in variables:
        bench.need_vault(variables["vault_version"])
    bench.on_nodes("rm -rf /opt/vault/releases /usr/local/bin/vault")
    bench.forget_cluster()
    code, output = bench.play("-e", json.dumps(variables))
    assert code == 0, output
    return bench


def clients(bench, max_seconds: float = 600, through=None) -> Probe:
    """Six clients that write all the while. *through*: by way of a load balancer, see Probe."""
    cluster = as_operator(bench)
    options, token = cluster.connection, prepare(cluster)
    return Probe(nodes=options.nodes, ca_cert=options.ca_cert, token=token, max_seconds=max_seconds, through=through)


def assert_nothing_lost(report, longest: float = LONGEST_GAP_SECONDS) -> None:
    assert report.complete, report.text()
    assert not report.lost, report.text()
    assert report.longest_gap_seconds <= longest, report.text()


def inside(container: str, script: str) -> str:
    done = subprocess.run(
        ["docker", "exec", container, "sh", "-ec", script], capture_output=True, text=True, check=True
    )
    return done.stdout
