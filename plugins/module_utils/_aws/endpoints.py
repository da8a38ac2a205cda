# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Partitions of AWS, and where their services are, by what botocore knows of them.

Nodes have no botocore: the controller asks, and hands them URLs.
"""

from __future__ import annotations

import functools
import re
import typing as t

# What nodes ask: the unseal key, logins, each other's addresses, and the bucket.
SERVICES = ("kms", "sts", "ec2", "s3")
# Which of them FIPS already holds for without another name.
_FIPS_ANYWAY = {("aws-us-gov", "sts"), ("aws-us-gov", "ec2")}
# The partitions whose names Vault has always known. In any other Vault is told its URLs.
_KNOWN_TO_VAULT = ("aws", "aws-cn", "aws-us-gov")
_VAULT_ASKS = ("kms", "sts", "ec2")
# Where botocore is not there, AWS isn't either, and somebody else says so.
_WITHOUT_BOTOCORE = (
    {"id": "aws-cn", "regionRegex": r"^cn-", "outputs": {"dnsSuffix": "amazonaws.com.cn"}},
    {"id": "aws", "regionRegex": "", "outputs": {"dnsSuffix": "amazonaws.com"}},
)


@functools.cache
def _partitions() -> t.Sequence[t.Mapping[str, t.Any]]:
    try:
        from botocore.loaders import create_loader
    except ImportError:
        return _WITHOUT_BOTOCORE
    return create_loader().load_data("partitions")["partitions"]


def partition_of(region: str) -> str:
    """By its name, also of a region that is newer than botocore."""
    return _partition(region)["id"]


def dns_suffix(partition: str) -> str:
    """What the names of a partition's services end in, also those of kms:ViaService."""
    found = [one for one in _partitions() if one["id"] == partition]
    return found[0]["outputs"]["dnsSuffix"] if found else "amazonaws.com"


def url(service: str, region: str, fips: bool = False) -> str:
    partition = _partition(region)
    marked = fips and (partition["id"], service) not in _FIPS_ANYWAY
    return f"https://{service}{'-fips' if marked else ''}.{region}.{partition['outputs']['dnsSuffix']}"


def urls(region: str, one: str = "", given: t.Mapping[str, str] | None = None, fips: bool = False) -> dict[str, str]:
    """Of each service that nodes ask: *one* address for all of them, the one that is *given*, or the region's own."""
    return {service: one or (given or {}).get(service) or url(service, region, fips) for service in SERVICES}


def told(region: str, one: str = "", given: t.Mapping[str, str] | None = None, fips: bool = False) -> dict[str, str]:
    """Those of them that nobody would find by the region's name alone. What else is written down changes when AWS does."""
    found = urls(region, one, given, fips)
    if one or fips:
        return found
    by_vault = () if partition_of(region) in _KNOWN_TO_VAULT else _VAULT_ASKS
    return {service: address for service, address in found.items() if (given or {}).get(service) or service in by_vault}


def service_principal(service: str, partition: str) -> str:
    """EC2 has another name in China, as roles and iam:PassedToService say it."""
    suffix = dns_suffix(partition) if (service, partition) == ("ec2", "aws-cn") else "amazonaws.com"
    return f"{service}.{suffix}"


def problems(given: t.Mapping[str, str], fips: bool, one: str = "") -> list[str]:
    """Why the nodes and this controller would not ask the same AWS, or a URL is none."""
    found = [
        f"vault_aws_endpoints names {service}, and nodes ask {', '.join(SERVICES)} alone. Leave it out."
        for service in sorted(given.keys() - set(SERVICES))
    ]
    found += [
        f"vault_aws_endpoints.{service} is no URL with https and a host: {address}"
        for service, address in sorted(given.items())
        if service in SERVICES and not re.fullmatch(r"https?://[^/\s?#@]+/?", str(address))
    ]
    if fips and not one and not controller_uses_fips():
        found.append(
            "vault_aws_fips is true, and this controller's own AWS calls use other endpoints. Set AWS_USE_FIPS_ENDPOINT=true in "
            "its environment, or use_fips_endpoint in its AWS profile."
        )
    return found


def controller_uses_fips() -> bool:
    """By the environment, or the profile that it names, as boto3 decides it."""
    try:
        from botocore.session import Session
        from botocore.utils import ensure_boolean
    except ImportError:
        return False
    return bool(ensure_boolean(Session().get_config_variable("use_fips_endpoint")))


def _partition(region: str) -> t.Mapping[str, t.Any]:
    every = _partitions()
    named = [one for one in every if region in one.get("regions", ())]
    like = [one for one in every if re.match(one["regionRegex"], region)]
    return (named or like or [one for one in every if one["id"] == "aws"])[0]
