"""How a user logs in to the nodes over SSH: a key pair of the lab's, and host keys that are known before a node is there."""

import pathlib
import subprocess

from .settings import Lab

USER = "admin"  # as on Debian's own images for EC2


def ensure(lab: Lab) -> dict[str, list[str]]:
    """Keys in the lab's state, those of the nodes with a `known_hosts` for them; returns what each node mounts."""
    folder = key_file(lab).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    login = _key(key_file(lab), f"lab-{lab.name}").with_suffix(".pub")
    mounts, known = {}, []
    for node in lab.nodes:
        host_key = _key(folder / f"host-{node.hostname}", node.container)
        known.append(f"{node.address} {host_key.with_suffix('.pub').read_text()}")
        mounts[node.hostname] = [
            *("--volume", f"{login}:/etc/ssh/authorized_keys/{USER}:ro"),
            *("--volume", f"{host_key}:/etc/ssh/ssh_host_ed25519_key:ro"),
        ]
    (folder / "known_hosts").write_text("".join(known))
    return mounts


def key_file(lab: Lab) -> pathlib.Path:
    return lab.state / "ssh" / "key"


def _key(path: pathlib.Path, comment: str) -> pathlib.Path:
    if not path.exists():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return path
