# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text without its secrets: what is shown is what is known to be none. Pure.

What is left out once too often costs a question; what is shown once too often can't be taken back.
"""

from __future__ import annotations

import re
import typing as t

HIDDEN = "(not shown)"
# A value that is shorter is a word like any other, and would be cut out of everything.
SHORTEST = 6
# Settings of Vault's configuration whose values are names, places, numbers and switches. Of auto_join, the rest may hold keys.
_HARMLESS = """
    address api_addr auto_join_port auto_join_scheme cluster_addr cluster_address cluster_name disable_hostname disable_mlock
    endpoint kms_key_id leader_api_addr leader_ca_cert_file leader_tls_servername log_format log_level node_id path
    performance_multiplier prometheus_retention_time region tls_cert_file tls_key_file tls_min_version ui
    unauthenticated_metrics_access
"""
SHOWN = frozenset(_HARMLESS.split())
_SETTING = re.compile(r'^(\s*)"?([\w.-]+)"?\s*[=:]\s*(.*)$')
_BLOCK = re.compile(r'^\s*(\w+(\s+"[\w-]+")?\s*\{|[{}]|\[\w+\])?,?\s*$')
# Of a unit: what is no setting of these may be anything.
_UNIT_HIDES = re.compile(
    r"^(Environment|PassEnvironment|SetCredential|LoadCredential|\w*Credential\w*)\b", re.IGNORECASE
)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # Vault's tokens of every age, AWS's keys, and what stands behind a scheme of HTTP.
    (re.compile(r"\b(?:hv[sbr]|[sbr])\.[A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic|AWS4-HMAC-SHA256)\s+\S[^\n\"]*", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(\w+://)[^\s/@\"']+@"), rf"\1{HIDDEN}@"),
    # A name that says that it is one, and its value: in JSON, in a query, on a command line.
    (
        re.compile(
            r"([\"']?[\w.-]*(?:secret|token|passw|passphrase|credential|authorization|signature|otp|private|"
            r"access[_-]?key|api[_-]?key|unseal[_-]?key|recovery[_-]?key)[\w.-]*[\"']?\s*[=:]\s*)"
            r"(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;&}\])]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)
# So long a run of capitals, small letters and digits is no word: shares of a key, nonces, sums in base 64.
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_ALL_KINDS = (re.compile("[A-Z]"), re.compile("[a-z]"), re.compile("[0-9]"))
# So long a run of hexadecimal digits is one, too; an id in the form of a UUID has hyphens.
_HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")


def text(said: str, known: t.Iterable[str] = ()) -> str:
    """*known*: values that are secrets wherever they stand."""
    for value in sorted({one for one in known if len(one) >= SHORTEST}, key=len, reverse=True):
        said = said.replace(value, HIDDEN)
    for pattern, put in _PATTERNS:
        said = pattern.sub(put, said)
    said = _RUN.sub(lambda run: HIDDEN if all(kind.search(run[0]) for kind in _ALL_KINDS) else run[0], said)
    return _HEX.sub(HIDDEN, said)


def configuration(said: str) -> tuple[str, list[str]]:
    """Vault's configuration with the values of settings that are known to be harmless, and the values of all others."""
    lines, hidden = [], []
    for line in said.splitlines():
        if line.lstrip().startswith(("#", "//")):
            continue
        setting = _SETTING.match(line)
        if setting and setting[2] in SHOWN:
            lines.append(line)
        elif setting:
            hidden += values(setting[3])
            lines.append(f"{setting[1]}{setting[2]} = {HIDDEN}")
        elif _BLOCK.match(line):
            lines.append(line)
        else:
            hidden += values(line)
            lines.append(HIDDEN)
    return "".join(f"{line}\n" for line in lines), hidden


def unit(said: str) -> tuple[str, list[str]]:
    """A unit and its drop-ins without what they give to the environment, and the values of that."""
    lines, hidden, continues = [], [], False
    for line in said.splitlines():
        hides = continues or bool(_UNIT_HIDES.match(line.strip()))
        continues = hides and line.rstrip().endswith("\\")
        if hides:
            name, _equals, value = line.partition("=")
            hidden += values(value or line)
            lines.append(f"{name.strip() if _UNIT_HIDES.match(name.strip()) else ''}={HIDDEN}")
        else:
            lines.append(line)
    return "".join(f"{line}\n" for line in lines), hidden


def values(said: str) -> list[str]:
    """What may be a secret in the value of a setting: each of its words, what is quoted, and what stands behind a '='."""
    found = [said.strip().strip("\"',;"), *re.findall(r"\"([^\"]+)\"|'[^']+'", said), *re.split(r"[\s\"',;]+", said)]
    return [one for piece in found for one in (piece, piece.partition("=")[2]) if len(one) >= SHORTEST]
