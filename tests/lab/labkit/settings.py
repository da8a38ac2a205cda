"""Which lab is meant and where its things are: everything that differs between `demo` and `test`."""

import dataclasses
import os
import pathlib
import re

from .say import LabError

REGION = "eu-central-1"
ROLE = "vault-node"
ACCOUNT = "123456789012"  # the stand-in's
AWS_PORT = 5000
MIRROR_PORT = 8080
LABEL = "vaultops.lab"
STATE_LABEL = "vaultops.state"  # which cache folder holds the lab's pid files and keys
HERE = pathlib.Path(__file__).resolve().parent.parent
_INVENTORY = HERE.parent.parent / "inventories" / "lab" / "group_vars" / "all.yml"

# Spare ones are for work beside a test run: up only when somebody names one.
_NETWORKS = {"demo": "10.0.1", "test": "10.0.2"} | {f"spare{number}": f"10.0.{number + 2}" for number in range(1, 6)}


def cache() -> pathlib.Path:
    """Where big, slow or secret things are kept, outside the checkout and shared by both labs."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base).absolute() / "vaultops"


def inventory_version() -> str:
    """The Vault that the lab's inventory names."""
    named = re.search(r"^vault_version: *([^\s#]+)", _INVENTORY.read_text(), re.MULTILINE)
    if not named:
        raise LabError(
            "it is not known which Vault the lab needs", f"{_INVENTORY} has no vault_version", "name a version there"
        )
    return named[1]


def vault_versions() -> list[str]:
    """What the release mirror must have: the inventory's version, and those that VAULTOPS_LAB_VAULT names beside it."""
    return list(dict.fromkeys([inventory_version(), *_named("VAULTOPS_LAB_VAULT", "Vault", "1.21.0")]))


def openbao_versions() -> list[str]:
    """Those that VAULTOPS_LAB_OPENBAO names: nobody else needs one."""
    return _named("VAULTOPS_LAB_OPENBAO", "OpenBao", "2.6.2")


def _named(variable: str, product: str, example: str) -> list[str]:
    versions = os.environ.get(variable, "").split()
    for version in versions:
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            raise LabError(
                f"there is no {product} {version!r}",
                f"{variable} is {' '.join(versions)!r}",
                f"set {variable} to versions such as {example}, with spaces between them",
            )
    return versions


@dataclasses.dataclass(frozen=True)
class Node:
    hostname: str
    container: str
    address: str


@dataclasses.dataclass(frozen=True)
class Lab:
    name: str
    node_count: int

    @property
    def network(self) -> str:
        return f"vaultops-{self.name}"

    @property
    def label(self) -> str:
        return f"{LABEL}={self.name}"

    @property
    def subnet(self) -> str:
        return f"{_NETWORKS[self.name]}.0/24"

    @property
    def gateway(self) -> str:
        return f"{_NETWORKS[self.name]}.1"

    @property
    def aws_url(self) -> str:
        return f"http://{self.gateway}:{AWS_PORT}"

    @property
    def bucket(self) -> str:
        return f"{self.name}-snapshots"

    @property
    def prefix(self) -> str:
        """Of the containers' names."""
        return "" if self.name == "demo" else f"{self.name}-"

    @property
    def nodes(self) -> list[Node]:
        prefix, network = self.prefix, _NETWORKS[self.name]
        return [Node(f"vault-{n}", f"{prefix}vault-{n}", f"{network}.{9 + n}") for n in range(1, self.node_count + 1)]

    @property
    def state(self) -> pathlib.Path:
        return cache() / f"lab-{self.name}"

    @property
    def clean_command(self) -> str:
        return f"VAULTOPS_LAB={self.name} .venv/bin/python tests/lab/lab.py down"


def every_lab() -> list[Lab]:
    return [Lab(name, _node_count()) for name in _NETWORKS]


def from_environment() -> Lab:
    name = os.environ.get("VAULTOPS_LAB") or "demo"
    if name not in _NETWORKS:
        raise LabError(
            f"there is no lab named {name!r}",
            f"VAULTOPS_LAB is {name!r}",
            f"set VAULTOPS_LAB to one of: {', '.join(_NETWORKS)}",
        )
    return Lab(name, _node_count())


def _node_count() -> int:
    count = os.environ.get("VAULTOPS_LAB_NODES") or "3"
    if not re.fullmatch("[1-9]", count):
        raise LabError(
            f"the lab can't have {count!r} nodes",
            f"VAULTOPS_LAB_NODES is {count!r}",
            "set VAULTOPS_LAB_NODES to a number from 1 to 9",
        )
    return int(count)
