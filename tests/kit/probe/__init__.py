"""Shows whether a live cluster loses a write while it is changed.

    token = prepare(cluster)
    with Probe(nodes=cluster.connection.nodes, ca_cert=cluster.connection.ca_cert, token=token) as probe:
        ...  # change the cluster
    report = probe.report()  # reads everything back
    tidy(cluster, token)
    assert report.complete and not report.lost, report.text()

By hand: python -m kit.probe --lab demo --seconds 60
"""

from .mount import prepare, tidy
from .probe import Probe
from .report import Report
from .safety import ProbeError

__all__ = ["Probe", "ProbeError", "Report", "prepare", "tidy"]
