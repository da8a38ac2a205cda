"""Bills of materials in CycloneDX, from the files that pin what is used. Runs in the environment that has CycloneDX's library:
'python sbom.py ROOT COMMIT EPOCH TARBALL INTO'.

They say what a release is made of as far as it is pinned here. What has no version here has none there, and says so: Debian's
packages, and collections and packages that a controller brings in a version of its own.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

import yaml
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

# What has no version says why.
RANGE, UNPINNED = "vaultops:versions", "vaultops:not-pinned"
PYTHON = {
    "collection": "meta/requirements.txt",
    "execution-environment": "execution-environment/requirements.txt",
    "backup-tool": "roles/vault_backup/files/requirements.txt",
    "backup-tool-python3.9": "roles/vault_backup/files/requirements-3.9.txt",
}


def python_packages(path: Path) -> Bom:
    """As CycloneDX's own tool reads them: with the hashes of what may be installed."""
    command = [Path(sys.executable).with_name("cyclonedx-py"), "requirements", "--output-reproducible", "--sv", "1.6"]
    done = subprocess.run([*command, path], check=True, capture_output=True)
    bom = Bom.from_json(json.loads(done.stdout))
    for component in bom.components:
        if not component.version:
            wanted = component.description.partition(": ")[2]
            component.properties.add(Property(name=RANGE, value=wanted.removeprefix(component.name)))
    return bom


def collection(name: str, *, version: str | None = None, versions: str | None = None) -> Component:
    namespace, _dot, short = name.partition(".")
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=f"collection-{name}",
        purl=PackageURL("generic", namespace, short, version, {"repository_url": "https://galaxy.ansible.com"}),
        properties=[Property(name=RANGE, value=versions)] if versions else [],
    )


def debian(names: list[str]) -> list[Component]:
    why = "Debian's newest at the time when the image is built"
    return [
        Component(
            type=ComponentType.LIBRARY,
            name=name,
            bom_ref=f"debian-{name}",
            purl=PackageURL("deb", "debian", name),
            properties=[Property(name=UNPINNED, value=why)],
        )
        for name in sorted(set(names))
    ]


def image(root: Path) -> list[Component]:
    """What the execution environment has besides Python packages."""
    folder = root / "execution-environment"
    definition = (folder / "execution-environment.yml").read_text()
    asked = yaml.safe_load((folder / "requirements.yml").read_text())["collections"]
    packages = [
        word for line in re.findall(r"install -qy --no-install-recommends (.+)", definition) for word in line.split()
    ]
    packages += re.findall(r"(?m)^([a-z][\w+.-]*) \[", (folder / "bindep.txt").read_text())
    script = (folder / "session-manager-plugin.sh").read_text()
    base = yaml.safe_load(definition)["images"]["base_image"]["name"]
    name, _colon, tag = base.partition(":")
    return [
        *(collection(one["name"], version=one["version"]) for one in asked),
        *debian(packages),
        Component(
            type=ComponentType.CONTAINER,
            name=name,
            version=tag,
            bom_ref="base-image",
            properties=[Property(name=UNPINNED, value="a tag, which moves; EE_BASE_IMAGE names another")],
        ),
        Component(
            type=ComponentType.APPLICATION,
            name="session-manager-plugin",
            version=re.search(r"(?m)^usual=(\S+)", script)[1],
            bom_ref="session-manager-plugin",
            hashes=[
                HashType(alg=HashAlgorithm.SHA_256, content=one) for one in re.findall(r"sum=([0-9a-f]{64})", script)
            ],
        ),
    ]


def main() -> None:
    root, commit, epoch, tarball, into = (
        Path(sys.argv[1]),
        sys.argv[2],
        int(sys.argv[3]),
        Path(sys.argv[4]),
        Path(sys.argv[5]),
    )
    galaxy = yaml.safe_load((root / "galaxy.yml").read_text())
    own, version = f"{galaxy['namespace']}.{galaxy['name']}", str(galaxy["version"])
    others = {
        "collection": [collection(name, versions=wanted) for name, wanted in galaxy["dependencies"].items()],
        "execution-environment": image(root),
    }
    for subject, requirements in PYTHON.items():
        bom = python_packages(root / requirements)
        whole = subject == "collection"
        about = Component(
            type=ComponentType.LIBRARY if whole else ComponentType.APPLICATION,
            name=own if whole else f"{own}/{subject}",
            version=version,
            bom_ref="this",
            purl=PackageURL("generic", galaxy["namespace"], galaxy["name"], version, None, None if whole else subject),
            licenses=[DisjunctiveLicense(id=galaxy["license"][0])],
            external_references=[ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(galaxy["repository"]))],
        )
        if whole:
            about.hashes.add(
                HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(tarball.read_bytes()).hexdigest())
            )
        else:
            about.properties.add(Property(name="vaultops:pinned-by", value=requirements))
        bom.components.update(others.get(subject, []))
        bom.metadata.component = about
        bom.metadata.timestamp = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
        bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{galaxy['repository']}@{commit}#{subject}")
        bom.register_dependency(about, bom.components)
        text = JsonV1Dot6(bom).output_as_string(indent=2)
        if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
            sys.exit(f"The bill of materials of {subject} is not what CycloneDX's schema asks for: {error}")
        (into / f"{tarball.name.removesuffix('.tar.gz')}.{subject}.cdx.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
