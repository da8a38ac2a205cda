# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who holds a private CA's key: KMS, or, until a cluster of an earlier release has moved there, a file."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import typing as t

from .._aws import key_state, kms_api
from .._common.errors import Problem
from . import authority

with contextlib.suppress(ImportError):  # who needs it says that it is missing: _common/libraries.py
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "ECDSA_SHA_384"
# What KMS takes to hash itself.
RAW_BYTES = 4096
# What follows the alias of the CA's key in that of the key which comes next.
NEXT = "-next"


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether it is a CA's, signed with that CA's own key: somebody else may put the same public key into another one."""
    try:
        certificate.verify_directly_issued_by(certificate)
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (
        ValueError,
        TypeError,
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
    ):
        return False


def first_in(ca_file: str) -> x509.Certificate:
    """The CA that signs."""
    try:
        with open(ca_file, "rb") as stream:
            return x509.load_pem_x509_certificates(stream.read())[0]
    except (OSError, ValueError) as error:
        raise Problem(
            f"the CA certificates can't be read ({error})", "They are the CA's that KMS vouches for.", where=ca_file
        ) from error


class KmsSigner:
    def __init__(self, client: t.Any, alias: str, arn: str) -> None:
        self.client, self.name, self.arn = client, alias, arn

    @functools.cached_property
    def public(self) -> ec.EllipticCurvePublicKey:
        return t.cast(
            ec.EllipticCurvePublicKey, serialization.load_der_public_key(kms_api.public_key(self.client, self.arn))
        )

    def sign(self, message: bytes) -> bytes:
        if len(message) > RAW_BYTES:
            return kms_api.sign_digest(self.client, self.arn, hashlib.sha384(message).digest(), ALGORITHM)
        return kms_api.sign(self.client, self.arn, message, ALGORITHM)


class FileSigner:
    """Of a release that kept the CA's key in a directory. For the move alone."""

    def __init__(self, path: str) -> None:
        self.name = path
        try:
            with open(path, "rb") as stream:
                key = serialization.load_pem_private_key(stream.read(), None)
        except OSError as error:
            raise Problem(
                f"the CA's key that certificates are signed with until the move is through can't be read ({error.strerror})",
                "Put it back there, or name its directory in vault_move_from.",
                where=path,
            ) from error
        except (ValueError, TypeError) as error:
            raise Problem(
                "it is no private key in PEM without a passphrase", "Put the CA's key there.", where=path
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Problem("it is no key of a CA that this collection made", "Give its directory.", where=path)
        self.key = key
        self.public = key.public_key()

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(authority.HASH))


class Keys:
    """The keys that a CA of this cluster may have: the alias' own, the next one's, and, for a move, the one of files.

    *tags*: what a key in KMS has to carry. Whoever else is in the account can make an alias of any name.
    """

    def __init__(self, client: t.Any, alias: str, region: str, tags: dict[str, str], move_from: str = "") -> None:
        self.client, self.alias, self.region, self.tags, self.move_from = client, alias, region, tags, move_from

    @classmethod
    def of(cls, client: t.Any, region: str | None, options: t.Mapping[str, t.Any]) -> Keys:
        """By the options that every module which signs has."""
        return cls(client, options["alias"], str(region), options["required_tags"], options["move_from"])

    @functools.cached_property
    def current(self) -> KmsSigner | None:
        return self._kms(self.alias)

    @functools.cached_property
    def following(self) -> KmsSigner | None:
        """Of a change of the CA that was begun."""
        return self._kms(self.alias + NEXT)

    @functools.cached_property
    def old(self) -> list[x509.Certificate]:
        """The CA's certificates in the directory that is moved from."""
        if not self.move_from:
            return []
        path = os.path.join(self.move_from, "ca.crt")
        try:
            with open(path, "rb") as stream:
                return x509.load_pem_x509_certificates(stream.read())
        except (OSError, ValueError) as error:
            raise Problem(
                "the certificate of the CA that the cluster was made with can't be read there",
                "Name in vault_move_from the directory whose tls/ has ca.crt and ca.key.",
                where=path,
            ) from error

    def vouch(self, certificate: x509.Certificate) -> bool:
        """Whether KMS, or the directory that is moved from, says that this CA is the cluster's."""
        return certificate in self.old or self._in_kms(certificate) is not None

    def vouches_next(self, certificate: x509.Certificate) -> bool:
        """Whether it is the CA of the key that comes next."""
        return self.following is not None and self._in_kms(certificate) is self.following

    def signer(self, certificate: x509.Certificate) -> authority.Signer:
        """Who signs for this CA."""
        found: authority.Signer | None = self._in_kms(certificate)
        if found is None and certificate in self.old:
            found = FileSigner(os.path.join(self.move_from, "ca.key"))
        if found is None or found.public != certificate.public_key():
            raise Problem(
                f"neither {self.alias} nor {self.alias}{NEXT} in {self.region} is the key of the CA "
                f"{certificate.subject.rfc4514_string()}",
                "Name the account and the region that the cluster was made in.",
            )
        return found

    def _in_kms(self, certificate: x509.Certificate) -> KmsSigner | None:
        if not is_ca(certificate):
            return None
        public = certificate.public_key()
        if self.current and self.current.public == public:
            return self.current
        return self.following if self.following and self.following.public == public else None

    def _kms(self, alias: str) -> KmsSigner | None:
        metadata = kms_api.describe(self.client, alias)
        if metadata is None:
            return None
        key = key_state.normalise(metadata, None, kms_api.tags_if_allowed(self.client, metadata["Arn"]), None, None)
        problem = key_state.ownership_problem(key, self.tags, alias)
        problem = problem or key_state.present_problem(key, key_state.nothing(key_state.CA), alias)
        if problem:
            raise Problem(problem)
        return KmsSigner(self.client, alias, str(key["arn"]))
