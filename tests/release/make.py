"""Make a release of the commit that is checked out: 'python make.py ENVIRONMENT GALAXY'. ENVIRONMENT has the packages of
requirements.txt beside this file, GALAXY has galaxy-importer. All of it is in build/release, but the upload is somebody's own.

Nothing of it depends on where, when or by whom it is built, except signatures.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from release import provenance, tarball, version

ROOT = Path(__file__).resolve().parents[2]
INTO = ROOT / "build" / "release"
PATCH = ROOT / "build" / "after-release.patch"
KEY = "VAULTOPS_SIGNING_KEY"
# Whoever builds elsewhere names the place: it is all of the statement that differs then.
BUILDER = "VAULTOPS_BUILDER"
# What pins what the release is made with, and of.
MATERIALS = (
    "constraints.txt",
    "execution-environment/requirements.txt",
    "execution-environment/requirements.yml",
    "execution-environment/session-manager-plugin.sh",
    "galaxy.yml",
    "meta/requirements.txt",
    "roles/vault_backup/files/requirements-3.9.txt",
    "roles/vault_backup/files/requirements.txt",
    "tests/galaxy/requirements.txt",
    "tests/release/requirements.txt",
)


def git(*words: str, **options) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True, **options
    ).stdout.strip()


def refuse_what_is_no_release() -> str:
    """The version of this release."""
    if changed := git("status", "--porcelain").splitlines():
        named = ", ".join(line.split()[-1] for line in changed[:3])
        more = f" and {len(changed) - 3} more" if changed[3:] else ""
        sys.exit(f"No release is made: {named}{more} differ from the commit. Commit that, or remove it.")
    named, released, changes = version.read(ROOT)
    if not changes:
        since = f" since {released}" if released else ""
        sys.exit(
            f"No release is made: changelogs/fragments names no change{since}. Describe there what is new, and commit it."
        )
    if problem := version.problem(named, released, changes):
        sys.exit(f"No release is made: {problem}")
    tag = f"refs/tags/v{named}^{{commit}}"
    found = subprocess.run(["git", "rev-parse", "--quiet", "--verify", tag], cwd=ROOT, capture_output=True, text=True)
    if found.returncode == 0 and found.stdout.strip() != git("rev-parse", "HEAD"):
        sys.exit(
            f"No release is made: the tag v{named} is another commit, {found.stdout[:12]}. To build that release again, check "
            "out the tag. To make a new one, apply the last one's build/after-release.patch first."
        )
    return named


def export(commit: str, into: Path) -> None:
    """What the commit has, and nothing that lies about beside it."""
    into.mkdir()
    with subprocess.Popen(["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "--extract", "--directory", into], stdin=archive.stdout, check=True)
    if archive.returncode:
        sys.exit(f"No release is made: git could not export {commit}.")


def fold(source: Path, work: Path, named: str, day: str) -> None:
    """The fragments become the release's part of changelogs/changelog.yaml. CHANGELOG.md had it before, by 'make docs'."""
    work.mkdir()
    shutil.copy(source / "galaxy.yml", work)
    shutil.copytree(source / "changelogs", work / "changelogs")
    command = ["antsibull-changelog", "release", "--version", named, "--date", day]
    subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    if (work / "CHANGELOG.md").read_bytes() != (source / "CHANGELOG.md").read_bytes():
        sys.exit(
            "No release is made: CHANGELOG.md is not what changelogs/ says. Run 'make docs', and commit CHANGELOG.md."
        )
    (work / "changelogs" / ".plugin-cache.yaml").unlink()
    shutil.rmtree(source / "changelogs")
    shutil.copytree(work / "changelogs", source / "changelogs")


def patch(commit: str, source: Path, index: Path) -> str:
    """What the branch needs after the release: these fragments are released."""
    own = {**os.environ, "GIT_INDEX_FILE": str(index)}
    git("read-tree", commit, env=own)
    git(f"--work-tree={source}", "add", "--all", "changelogs", env=own)
    return git("diff", "--cached", "--binary", commit, "--", "changelogs", env=own) + "\n"


def sign(path: Path, signature: Path, key: str) -> None:
    command = ["gpg", "--batch", "--yes", "--armor", "--local-user", key, "--output", signature, "--detach-sign", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if (
        done.returncode
        or subprocess.run(["gpg", "--verify", signature, path], capture_output=True, check=False).returncode
    ):
        sys.exit(
            f"The release could not be signed with {KEY}={key}: {done.stderr.strip()}. "
            f"The files in {INTO.relative_to(ROOT)} are whole, and not signed."
        )


def tools(environment: Path) -> dict[str, str]:
    asked = "import importlib.metadata as m; print(m.version('cyclonedx-bom'))"
    done = subprocess.run([environment / "bin" / "python", "-c", asked], check=True, capture_output=True, text=True)
    own = {name: importlib.metadata.version(name) for name in ("ansible-core", "antsibull-changelog")}
    return {**own, "cyclonedx-bom": done.stdout.strip(), "python": platform.python_version()}


def build(environment: Path, galaxy: Path, work: Path, out: Path, named: str) -> str:
    """Everything but signatures, in *out*. Gives the patch."""
    commit, epoch = git("log", "-1", "--format=%H %ct").split()
    source = work / "source"
    export(commit, source)
    day = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).date().isoformat()
    fold(source, work / "changes", named, day)
    subprocess.run(
        ["ansible-galaxy", "collection", "build", "--output-path", work / "built"],
        cwd=source,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (built,) = (work / "built").glob("*.tar.gz")
    archive = out / built.name
    tarball.normalise(built, archive, int(epoch))
    subprocess.run([sys.executable, ROOT / "tests" / "galaxy" / "check.py", galaxy, archive], check=True)

    python = environment / "bin" / "python"
    here = Path(__file__).parent
    subprocess.run([python, here / "sbom.py", source, commit, epoch, archive, out], check=True)
    statement = out / f"{built.name.removesuffix('.tar.gz')}.provenance.json"
    repository = yaml.safe_load((source / "galaxy.yml").read_text())["repository"]
    made = provenance.statement(
        repository=repository,
        version=named,
        commit=commit,
        builder=os.environ.get(BUILDER) or f"{repository}/blob/main/docs/releasing.md#by-hand",
        tools=tools(environment),
        subjects=list(out.iterdir()),
        materials=[(name, source / name) for name in MATERIALS],
    )
    statement.write_text(provenance.text(made))
    subprocess.run([python, here / "provenance.py", statement], check=True)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(out.iterdir()))
    (out / "SHA256SUMS").write_text(sums)
    return patch(commit, source, work / "index")


def main() -> None:
    named = refuse_what_is_no_release()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        out = work / "release"
        out.mkdir()
        later = build(Path(sys.argv[1]), Path(sys.argv[2]), work, out, named)
        shutil.rmtree(INTO, ignore_errors=True)
        INTO.parent.mkdir(exist_ok=True)
        shutil.copytree(out, INTO)
        PATCH.write_text(later)
        key = os.environ.get(KEY)
        if key:
            (archive,) = INTO.glob("*.tar.gz")
            manifest = work / tarball.MANIFEST
            manifest.write_bytes(tarball.manifest_of(archive))
            sign(manifest, INTO / f"{archive.name.removesuffix('.tar.gz')}.MANIFEST.json.asc", key)
            sign(INTO / "SHA256SUMS", INTO / "SHA256SUMS.asc", key)
    print(f"{named} is in {INTO.relative_to(ROOT)}:", *sorted(path.name for path in INTO.iterdir()), sep="\n  ")
    if key:
        print(f"Signed with {key}.")
    else:
        print(f"NOT SIGNED: no key is named. To sign, run: {KEY}=FINGERPRINT make release")
    print(f"Next: docs/releasing.md. {PATCH.relative_to(ROOT)} is for the branch, once the release is out.")


if __name__ == "__main__":
    main()
