"""The execution environment's image, built from its own definition where no registry, package index or Galaxy is at hand.

What a build would fetch is in the base image: Debian's packages, the wheels of Python's, and the collections.
"""

import hashlib
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile

from . import image
from .docker import attempt, docker
from .say import LabError, say
from .settings import HERE, cache

ROOT = HERE.parent.parent
DEFINITION = ROOT / "execution-environment"
_LOCAL = HERE / "execution-environment"
_TOOLS = _LOCAL / "tools.txt"
_NODES_TOOL = ROOT / "roles" / "vault_backup" / "files" / "requirements.txt"
_BASE = image.Recipe("controller", _LOCAL, "bash")
_COLLECTIONS = ("amazon/aws", "community/aws")
# What the lab can't fetch is left out by name: nothing in it is reached through SSM.
_ARGUMENTS = ("ANSIBLE_GALAXY_CLI_COLLECTION_OPTS=--offline", "SESSION_MANAGER_PLUGIN=none")
_FILLED = """\
FROM {base}
COPY wheels /opt/wheels
COPY collections /usr/share/ansible/collections/ansible_collections
RUN printf '[global]\\nno-index = true\\nfind-links = /opt/wheels\\n' >/etc/pip.conf
"""


def ensure() -> str:
    """The image's name. It is made anew when its definition changes, or what it is made of."""
    name = f"vaultops-ee:{_content()}"
    if attempt("image", "inspect", name).returncode:
        say("building the execution environment; usually a minute, first time only")
        _build(name, _filled_base(name))
    return name


def tools() -> pathlib.Path:
    """Where ansible-builder and ansible-runner are: in an environment of their own, as on a host that runs jobs."""
    venv = cache() / f"tool-runner-{_sum(_TOOLS)}"
    if not (venv / ".complete").exists():
        say("installing ansible-builder and ansible-runner")
        shutil.rmtree(venv, ignore_errors=True)
        _step([sys.executable, "-m", "venv", str(venv)])
        _step([str(venv / "bin/pip"), "install", "--quiet", "--require-hashes", "-r", str(_TOOLS)])
        (venv / ".complete").touch()
    return venv / "bin"


def _content() -> str:
    return _sum(*sorted(DEFINITION.iterdir()), *sorted(_LOCAL.iterdir()), _NODES_TOOL, pathlib.Path(__file__))


def _sum(*files: pathlib.Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _filled_base(name: str) -> str:
    with tempfile.TemporaryDirectory(prefix="base-", dir=cache()) as folder:
        context = pathlib.Path(folder)
        for requirements in (DEFINITION / "requirements.txt", _TOOLS, _NODES_TOOL):
            _step(
                [
                    *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
                    *(
                        "--require-hashes",
                        "--only-binary",
                        ":all:",
                        "-d",
                        str(context / "wheels"),
                        "-r",
                        str(requirements),
                    ),
                ]
            )
        # Those that came with the package 'ansible'.
        installed = pathlib.Path(sysconfig.get_path("purelib")) / "ansible_collections"
        for collection in _COLLECTIONS:
            shutil.copytree(installed / collection, context / "collections" / collection)
        (context / "Dockerfile").write_text(_FILLED.format(base=image.ensure(_BASE)))
        filled = f"{name}-base"
        docker("build", "--quiet", "--network=none", "--tag", filled, str(context), timeout=600)
    return filled


def _build(name: str, base: str) -> None:
    with tempfile.TemporaryDirectory(prefix="ee-", dir=cache()) as context:
        arguments = [f"--build-arg={argument}" for argument in (f"EE_BASE_IMAGE={base}", *_ARGUMENTS)]
        _step(
            [
                *(str(tools() / "ansible-builder"), "build", "--container-runtime", "docker", "--verbosity", "3"),
                *("--file", str(DEFINITION / "execution-environment.yml"), "--context", context, "--tag", name),
                *("--extra-build-cli-args=--network=none", *arguments),
            ]
        )


def _step(argv: list[str]) -> None:
    log = cache() / "execution-environment.log"
    with open(log, "w") as output:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if done.returncode:
        last = " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
        raise LabError(
            "the execution environment can't be built",
            f"{pathlib.Path(argv[0]).name} {argv[1]}: {last} (all of it in {log})",
            "put right what it names, and run this again",
        )
