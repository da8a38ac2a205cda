"""Keys that sign releases, as a publisher has them."""

from __future__ import annotations

import os
import subprocess


class Key:
    """A signing key in a GnuPG home of its own."""

    def __init__(self, home):
        home.mkdir(mode=0o700)
        self.home = home
        self.user = "unit test"

    def gpg(self, *arguments, **more):
        command = ["gpg", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "", *arguments]
        environment = {**os.environ, "GNUPGHOME": str(self.home)}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, **more).stdout

    def made(self, *faked, lasts="never", usage="sign"):
        self.gpg(*faked, "--quick-generate-key", self.user, "ed25519", usage, lasts)
        return self

    @property
    def fingerprint(self):
        lines = self.gpg("--list-keys", "--with-colons").splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr"))

    def revoke(self):
        certificate = (self.home / "openpgp-revocs.d" / f"{self.fingerprint}.rev").read_text()
        self.gpg("--import", input=certificate.replace(":-----BEGIN", "-----BEGIN"))

    def sign(self, path, *faked):
        self.gpg(*faked, "--detach-sign", "-o", f"{path}.sig", str(path))

    def text(self):
        return self.gpg("--armor", "--export")

    def end(self):
        subprocess.run(["gpgconf", "--kill", "all"], env={**os.environ, "GNUPGHOME": str(self.home)}, check=True)
