"""A controller that sees nothing says so, and knows of no outage."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._status import overview, sight
from kit import status_samples as samples


def unseen(*reaches, error="vault-1: no answer in time"):
    return sight.unseen([{"reach": reach, "error": error} for reach in reaches])


@pytest.mark.parametrize("reach", sight.CURES)
def test_where_no_machine_told_anything_the_cluster_is_unseen(reach):
    assert unseen(reach, reach, reach) == f"vault-1: no answer in time. {sight.CURES[reach]}"


def test_whoever_could_not_fetch_the_ca_is_told_that_and_of_no_file_of_this_run():
    nodes = [{"reach": "ca_file", "error": "vault-1: it was not asked: /tmp/run/ca.crt can't be used"}]
    assert sight.unseen(nodes, "SSM can't be reached. Check the region's name.") == (
        "The CA certificates by which it trusts the nodes could not be fetched: SSM can't be reached. Check the region's name."
    )
    assert sight.unseen([{"reach": "timeout", "error": "no answer"}], "SSM") == f"no answer. {sight.CURES['timeout']}"


@pytest.mark.parametrize("told", ["answered", "refused"])
def test_one_machine_that_told_something_is_enough(told):
    assert unseen("timeout", told, "tls") is None


def made(reach, state="down"):
    nodes = [{**samples.dead(n), "reach": reach} for n in (1, 2, 3)]
    return samples.document(status=samples.status(nodes, state, "unreachable: vault-1, vault-2, vault-3"))


def test_the_document_says_which_of_the_two_it_is():
    blind = made("timeout")
    assert blind["cluster"]["state"] == "unseen"
    assert sight.not_seen(blind).startswith("This controller can't see the cluster prod, so nobody knows")
    assert sight.outage(blind) is None
    assert overview.lines(blind)[0].startswith("This controller can't see the cluster. vault-1: no connection")
    assert [one["text"] for one in blind["findings"] if "does not answer" in one["text"]] == []

    down = made("refused")
    assert down["cluster"]["state"] == "down"
    assert sight.not_seen(down) is None
    assert sight.outage(down).startswith("The cluster prod serves nobody: it is down")


def test_what_serves_or_was_never_initialised_is_no_outage():
    assert sight.outage(samples.document()) is None
    assert sight.outage(made("refused", "fresh")) is None
