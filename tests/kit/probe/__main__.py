"""Run the probe by hand, beside whatever is done to the lab's cluster: ends with 1 when a write was lost or not answered."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
import types

from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from kit.login import as_operator
from kit.probe import Probe, ProbeError, Report, prepare, tidy
from kit.probe.safety import require_lab
from labkit.settings import every_lab


def watch(lab_name: str, seconds: float) -> Report:
    lab = next(lab for lab in every_lab() if lab.name == lab_name)
    urls = [f"https://{node.address}:8200" for node in lab.nodes]
    cluster = as_operator(types.SimpleNamespace(lab=lab, api_port=8200, require_network=lambda: require_lab(urls)))
    token = prepare(cluster)
    try:
        probe = Probe(cluster.connection.nodes, str(cluster.connection.ca_cert), token, max_seconds=seconds + 60)
        # Ctrl-C ends the writing, not the report.
        with probe, contextlib.suppress(KeyboardInterrupt):
            time.sleep(seconds)
        return probe.report()
    finally:
        tidy(cluster, token)


def main() -> int:
    parser = argparse.ArgumentParser(prog="probe", description=__doc__)
    parser.add_argument("--lab", choices=[lab.name for lab in every_lab()], required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    options = parser.parse_args()
    try:
        report = watch(options.lab, options.seconds)
    except (ProbeError, VaultError) as error:
        print(f"probe: {error}", file=sys.stderr)
        return 2
    print(report.to_json() if options.json else report.text())
    return 0 if report.complete and not report.lost else 1


if __name__ == "__main__":
    sys.exit(main())
