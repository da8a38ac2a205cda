"""Images of Debian with a few packages: on the image that a registry has where one answers, else made from the packages alone."""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from .docker import attempt, docker
from .say import LabError, say
from .settings import HERE, cache

# Debian's suites, and the Python of each.
SUITES = {"bookworm": "3.11", "bullseye": "3.9", "trixie": "3.13"}
SUITE = os.environ.get("VAULTOPS_LAB_SUITE", "bookworm")
_BASE = f"debian:{SUITE}-slim"
_PULL_SECONDS = 60
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A folder with `packages`, `finish.sh` and perhaps `rootfs`."""

    what: str
    folder: pathlib.Path
    command: str

    @property
    def name(self) -> str:
        """Named by its content: a changed recipe is another image, an unchanged one is never made again."""
        content = hashlib.sha256(SUITE.encode())
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                content.update(f"{path.relative_to(self.folder)}\0".encode() + path.read_bytes())
        return f"vaultops-{self.what.replace(' ', '-')}:{content.hexdigest()[:12]}"

    @property
    def packages(self) -> list[str]:
        return (self.folder / "packages").read_text().split()

    @property
    def change(self) -> str:
        return f'CMD ["{self.command}"]'


NODE = Recipe("node", HERE / "image", "/lib/systemd/systemd")


def ensure(recipe: Recipe = NODE) -> str:
    image = recipe.name
    if attempt("image", "inspect", image).returncode == 0:
        return image
    if _base_at_hand():
        say(f"making the {recipe.what} image from {_BASE}; usually under a minute, first time only")
        _from_base(recipe)
    else:
        say(
            f"making the {recipe.what} image with debootstrap ({_BASE} can't be pulled); usually a minute, first time only"
        )
        _from_packages(recipe)
    return image


def _base_at_hand() -> bool:
    if attempt("image", "inspect", _BASE).returncode == 0:
        return True
    say(f"pulling {_BASE}; {_PULL_SECONDS} s at most")
    return attempt("pull", "--quiet", _BASE, timeout=_PULL_SECONDS).returncode == 0


def _from_base(recipe: Recipe) -> None:
    proxies = [word for proxy in _PROXIES if proxy in os.environ for word in ("--env", proxy)]
    install = (
        f"apt-get update -q && apt-get install -qy --no-install-recommends {' '.join(recipe.packages)} && sh /finish.sh"
    )
    container = docker("create", "--env", "DEBIAN_FRONTEND=noninteractive", *proxies, _BASE, "sh", "-ec", install)
    try:
        if (recipe.folder / "rootfs").exists():
            docker("cp", f"{recipe.folder / 'rootfs'}/.", f"{container}:/")
        docker("cp", str(recipe.folder / "finish.sh"), f"{container}:/finish.sh")
        done = attempt("start", "--attach", container, timeout=600)
        if done.returncode:
            raise _cant(f"apt-get in {_BASE}: {(done.stderr or done.stdout).strip()[-400:]}")
        docker("commit", "--change", recipe.change, container, recipe.name)
    finally:
        docker("rm", "--force", "--volumes", container)


def _from_packages(recipe: Recipe) -> None:
    if shutil.which("debootstrap") is None:
        raise LabError("the image can't be made", "debootstrap isn't installed", "run `make setup` as root")
    cache().mkdir(parents=True, exist_ok=True)
    root = pathlib.Path(tempfile.mkdtemp(prefix="rootfs-", dir=cache()))
    try:
        include = f"--include={','.join(recipe.packages)}"
        mirror = [os.environ["VAULTOPS_LAB_DEBIAN_MIRROR"]] if "VAULTOPS_LAB_DEBIAN_MIRROR" in os.environ else []
        _step("debootstrap", ["debootstrap", "--variant=minbase", include, SUITE, str(root), *mirror])
        if (recipe.folder / "rootfs").exists():
            shutil.copytree(recipe.folder / "rootfs", root, dirs_exist_ok=True)
        shutil.copy(recipe.folder / "finish.sh", root / "finish.sh")
        root.chmod(0o755)  # mkdtemp's 0700 would become the mode of / in every node
        _step("finish.sh", ["chroot", str(root), "sh", "/finish.sh"])
        _import(root, recipe)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _import(root: pathlib.Path, recipe: Recipe) -> None:
    tar = subprocess.Popen(["tar", "--numeric-owner", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
    command = ["docker", "import", "--change", recipe.change, "-", recipe.name]
    done = subprocess.run(command, stdin=tar.stdout, capture_output=True, text=True)
    if tar.wait() or done.returncode:
        raise _cant(f"docker import: {done.stderr.strip()}")


def _step(what: str, argv: list[str]) -> None:
    log = cache() / "image.log"
    with open(log, "w") as output:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if done.returncode:
        last = " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
        raise _cant(f"{what}: {last} (all of it in {log})")


def _cant(cause: str) -> LabError:
    cure = f"name a Debian package mirror (VAULTOPS_LAB_DEBIAN_MIRROR=<url>) or load the image {_BASE} into docker"
    return LabError("the image can't be made", cause, cure)
