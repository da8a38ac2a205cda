"""AWS does not answer, or answers no."""

from __future__ import annotations

import contextlib
import typing as t

from kit.fault_proxy import Answer, Delay, Drop, FaultProxy, Rule
from kit.mirror import PROXY_PORT

from .cluster import Cluster
from .fault import Steps, fault

ALIAS = "alias/vault-unseal"
SEALED = "The node exits, and its unit tries again every 5 s until it can unseal. The others serve."


@fault(
    hold=30,
    gap=3,
    heal=30,
    by_itself="Nodes that are unsealed serve. Nobody can log in by IAM; tokens that were given out work.",
)
def aws_unreachable(cluster: Cluster) -> Steps:
    """No node reaches KMS, STS or EC2."""
    with cluster.without_aws(*cluster.nodes):
        yield


@fault(says="does not answer", hold=15, gap=3, heal=60, by_itself=SEALED)
def kms_down_at_a_start(cluster: Cluster) -> Steps:
    """A standby restarts while it can't reach KMS."""
    name = cluster.standbys[0]
    with cluster.without_aws(name):
        cluster.sh(name, "systemctl restart --no-block vault")
        yield


@fault(
    says="does not answer",
    hold=15,
    gap=3,
    heal=60,
    by_itself=SEALED + " Credentials of the instance role come from there.",
)
def metadata_down_at_a_start(cluster: Cluster) -> Steps:
    """A standby restarts while its metadata service is down."""
    name = cluster.standbys[0]
    cluster.sh(name, "systemctl stop ec2-metadata; systemctl restart --no-block vault")
    try:
        yield
    finally:
        cluster.sh(name, "systemctl start ec2-metadata")


@fault(hold=20, gap=3, heal=30, by_itself="Nothing is noticed before the credentials of the instance role run out.")
def metadata_down(cluster: Cluster) -> Steps:
    """The metadata service of every node is down."""
    for name in cluster.nodes:
        cluster.sh(name, "systemctl stop ec2-metadata")
    try:
        yield
    finally:
        for name in cluster.nodes:
            cluster.sh(name, "systemctl start ec2-metadata")


@contextlib.contextmanager
def enabled_again(kms: t.Any, key: str) -> t.Iterator[None]:
    try:
        yield
    finally:
        if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion":
            kms.cancel_key_deletion(KeyId=key)
        kms.enable_key(KeyId=key)


UNSEAL_NO_MORE = "Nodes that are unsealed serve. A node that restarts stays sealed."


@fault(says="a node that restarts now stays sealed", gap=3, heal=30, by_itself=UNSEAL_NO_MORE, to_do="Enable the key.")
def key_disabled(cluster: Cluster) -> Steps:
    """The unseal key is disabled."""
    kms = cluster.bench.aws("kms")
    key = unseal_key(kms)
    with enabled_again(kms, key):
        kms.disable_key(KeyId=key)
        yield


@fault(
    says="and is deleted on", gap=3, heal=30, by_itself=UNSEAL_NO_MORE, to_do="Cancel the deletion, and enable the key."
)
def key_pending_deletion(cluster: Cluster) -> Steps:
    """The deletion of the unseal key is scheduled."""
    kms = cluster.bench.aws("kms")
    key = unseal_key(kms)
    with enabled_again(kms, key):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        yield


@fault(
    gap=3,
    heal=60,
    by_itself="Nodes decrypt with the key that the ciphertext names. The node that next becomes active seals by the new key.",
)
def alias_repointed(cluster: Cluster) -> Steps:
    """The alias leads to another key, and a standby restarts meanwhile."""
    kms = cluster.bench.aws("kms")
    key = unseal_key(kms)
    other = kms.create_key(Description="of a fault")["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=ALIAS, TargetKeyId=other)
    try:
        cluster.sh(cluster.standbys[0], "systemctl restart vault")
        yield
    finally:
        kms.update_alias(AliasName=ALIAS, TargetKeyId=key)


def unseal_key(kms: t.Any) -> str:
    return str(kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"])


KMS = ("DescribeKey", "Encrypt", "Decrypt")


@contextlib.contextmanager
def answering(cluster: Cluster, names: t.Iterable[str], rules: list[Rule]) -> t.Iterator[None]:
    """What these nodes ask of AWS is answered by these rules; the others ask AWS itself."""
    gateway = cluster.bench.lab.gateway
    lines = [
        "nft add table ip fault_nat",
        "nft add chain ip fault_nat out '{ type nat hook output priority -100; }'",
        f"nft add rule ip fault_nat out ip daddr {gateway} tcp dport 5000 dnat to {gateway}:{PROXY_PORT}",
    ]
    with FaultProxy((gateway, PROXY_PORT), cluster.bench.lab.aws_url, rules), contextlib.ExitStack() as stack:
        for name in names:
            cluster.sh(name, "\n".join(lines))
            stack.callback(cluster.sh, name, "nft delete table ip fault_nat")
        yield


@fault(gap=3, heal=90, by_itself="It takes longer until the node is unsealed.")
def kms_slow(cluster: Cluster) -> Steps:
    """KMS takes 3 s for each answer, and a standby restarts meanwhile."""
    name = cluster.standbys[0]
    with answering(cluster, [name], [Rule(call, Delay(3), every=True) for call in KMS]):
        cluster.sh(name, "systemctl restart --no-block vault")
        cluster.wait(cluster.is_whole, 60)
        yield


@fault(
    says="does not answer", hold=15, gap=3, heal=60, by_itself=SEALED, to_do="Give the instance role kms:Decrypt again."
)
def iam_denied_on_one_node(cluster: Cluster) -> Steps:
    """A standby restarts, and its instance role may not use the key any more."""
    name = cluster.standbys[0]
    denied = Answer("AccessDeniedException", "the role may not")
    with answering(cluster, [name], [Rule(call, denied, every=True) for call in KMS]):
        cluster.sh(name, "systemctl restart --no-block vault")
        yield


@fault(
    says="",
    hold=20,
    gap=3,
    heal=30,
    by_itself="Nobody can log in by IAM. Tokens that were given out work, and so do certificates.",
)
def sts_down(cluster: Cluster) -> Steps:
    """STS does not answer the nodes."""
    with answering(cluster, cluster.nodes, [Rule("GetCallerIdentity", Drop(), every=True)]):
        yield
