# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Text without its secrets: what is shown is what is known to be none. Pure.

What is left out once too often costs a question; what is shown once too often can't be taken back.
"""

from __future__ import annotations

import json
import re
import typing as t
import urllib.parse

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
# What a harmless setting may show: one plain value, without what a URL asks for. More on the line is not known to be harmless.
_PLAIN = re.compile(r'("[^"\\?]*"|\w+)[,\s}\]]*(.*)$')
# A text of several lines, and a comment of several lines. What stands in quotes opens neither.
_HEREDOC = re.compile(r"<<-?\s*(\w+)\s*$")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
# Of a unit: what is no setting of these may be anything.
_UNIT_HIDES = re.compile(
    r"^(Environment|PassEnvironment|SetCredential|LoadCredential|\w*Credential\w*)\b", re.IGNORECASE
)
_UNIT_COMMENT = ("#", ";")
# Above each file 'systemctl cat' has its path.
_UNIT_FILE = re.compile(r"^# /\S+$")
# What a command is given for its environment. No setting of a unit is in capitals.
_ASSIGNED = re.compile(r"\b([A-Z_][A-Z0-9_]*)=(\"[^\"]*\"|'[^']*'|\S+)")
_ENVIRONMENT_FILE = re.compile(r"^\s*EnvironmentFile\s*=\s*-?(/\S+)", re.MULTILINE)

# Parts of names that say that a value is a secret.
_NAMES = (
    r"(?:secret|token|passw|passphrase|passcode|pass(?![a-z])|pwd|credential|authorization|cookie|signature|otp|private|plaintext|"
    r"access[_-]?key|api[_-]?key|unseal[_-]?key|recovery[_-]?key)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----.*?(-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\Z)", re.DOTALL
        ),
        HIDDEN,
    ),
    # Vault's tokens of every age, AWS's keys, and what stands behind a scheme of HTTP.
    (re.compile(r"\b(?:hv[sbr]|[sbr])\.[A-Za-z0-9_-]{16,}"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic|AWS4-HMAC-SHA256)\s+\S[^\n\"]*", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # A password in a URL may hold any sign, as in the error about a URL that can't be parsed for that reason.
    (re.compile(r"(\w+://)[^\s\"']*@"), rf"\1{HIDDEN}@"),
    # A name that says that it is one, and its value: in JSON, in JSON that is a text in JSON, in a query, in Go's own forms.
    (
        re.compile(
            rf"((?:\\*[\"'])?[\w.-]*{_NAMES}[\w.-]*(?:\\*[\"'])?\s*(?:=>|:=|[=:])\s*)"
            r"(\\+\".*?\\+\"|\"(?:[^\"\\]|\\.)*\"|'[^']*'|\[[^\]]*\]?|[^\s\"'}\])]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    # In XML, as Vault's audit devices write it, too.
    (re.compile(rf"(<[^<>]*{_NAMES}[^<>]*>)[^<]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # On a command line.
    (re.compile(rf"((?:^|\s)--?[\w-]*{_NAMES}[\w-]*\s+)(\"[^\"]*\"|'[^']*'|[^\s-]\S*)", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(\s(?:-u|-U|--user|--proxy-user)[ =]?)[^\s:]+:\S+"), rf"\1{HIDDEN}"),
)
# So long a run of capitals, small letters and digits is no word: shares of a key, nonces, sums in base 64.
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_ALL_KINDS = (re.compile("[A-Z]"), re.compile("[a-z]"), re.compile("[0-9]"))
# So long a run of hexadecimal digits is one, too; an id in the form of a UUID has hyphens.
_HEX = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32,}(?![0-9a-fA-F])")
# So is one in base 32, as second factors have them.
_BASE32 = re.compile(r"\b(?=[A-Z]*[0-9])[A-Z0-9]{24,}\b")


def text(said: str, known: t.Iterable[str] = ()) -> str:
    """*known*: values that are secrets wherever they stand."""
    there = {form for one in known if len(one) >= SHORTEST for form in _forms(one)}
    for value in sorted(there, key=len, reverse=True):
        said = said.replace(value, HIDDEN)
    for pattern, put in _PATTERNS:
        said = pattern.sub(put, said)
    said = _RUN.sub(lambda run: HIDDEN if all(kind.search(run[0]) for kind in _ALL_KINDS) else run[0], said)
    return _HEX.sub(HIDDEN, _BASE32.sub(HIDDEN, said))


def _forms(value: str) -> set[str]:
    """A value as it is, in JSON, in JSON as Go writes it, and in a URL."""
    in_json = json.dumps(value, ensure_ascii=False)[1:-1]
    in_go = in_json.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    return {value, in_json, in_go, urllib.parse.quote(value, safe="")}


def configuration(said: str) -> tuple[str, list[str]]:
    """Vault's configuration with the values of settings that are known to be harmless, and the values of all others."""
    lines: list[str] = []
    hidden: list[str] = []
    # What ends the text or the comment of several lines that the line is in.
    end, is_comment = "", False
    for line in said.splitlines():
        bare = _QUOTED.sub("", line)
        if end:
            hidden += [] if is_comment else values(line)
            if end in line if is_comment else end == line.strip():
                end = ""
            continue
        if line.lstrip().startswith(("#", "//")):
            continue
        opened = _HEREDOC.search(bare)
        is_comment = opened is None and "/*" in bare and "*/" not in bare.partition("/*")[2]
        end = opened[1] if opened else "*/" if is_comment else ""
        shown, more = _line(line)
        lines.append(shown)
        hidden += more
    return "".join(f"{line}\n" for line in lines), hidden


def _line(line: str) -> tuple[str, list[str]]:
    """What is shown of a line that stands for itself, and the values that are not."""
    if _BLOCK.match(line):
        return line, []
    setting = _SETTING.match(line)
    if not setting:
        return HIDDEN, values(line)
    plain = _PLAIN.match(setting[3]) if setting[2] in SHOWN else None
    if not plain:
        return f"{setting[1]}{setting[2]} = {HIDDEN}", values(setting[3])
    if not plain[2]:
        return line, []
    # A comment is no secret that would be looked for in everything else: it is full of plain words.
    is_comment = plain[2].startswith(("#", "//", "/*"))
    shown = f"{setting[1]}{setting[2]} = {plain[1]}"
    return (shown, []) if is_comment else (f"{shown} {HIDDEN}", values(plain[2]))


def unit(said: str) -> tuple[str, list[str]]:
    """A unit and its drop-ins without what they give to the environment, and the values of that."""
    lines: list[str] = []
    hidden: list[str] = []
    continues = False
    for line in said.splitlines():
        # systemd takes comments out before it puts lines together.
        if line.lstrip().startswith(_UNIT_COMMENT):
            lines += [line] if _UNIT_FILE.match(line) else []
            continue
        hides = continues or bool(_UNIT_HIDES.match(line.strip()))
        continues = hides and line.rstrip().endswith("\\")
        if hides:
            name, _equals, value = line.partition("=")
            hidden += values(value or line)
            lines.append(f"{name.strip() if _UNIT_HIDES.match(name.strip()) else ''}={HIDDEN}")
        else:
            hidden += [one for _name, value in _ASSIGNED.findall(line) for one in values(value)]
            lines.append(_ASSIGNED.sub(rf"\1={HIDDEN}", line))
    return "".join(f"{line}\n" for line in lines), hidden


def environment_files(said: str) -> list[str]:
    """The files that a unit takes its environment from."""
    return _ENVIRONMENT_FILE.findall(said)


def environment_file(said: str) -> list[str]:
    """The values of such a file: it is nowhere shown, and a service that does not run has them in no process."""
    return [value for line in said.splitlines() for value in values(line.partition("=")[2])]


def values(said: str) -> list[str]:
    """What may be a secret in the value of a setting: each of its words, what is quoted, and what stands behind a '='."""
    found = [said.strip().strip("\"',;"), *re.findall(r"\"([^\"]+)\"|'[^']+'", said), *re.split(r"[\s\"',;]+", said)]
    return [one for piece in found for one in (piece, piece.partition("=")[2]) if len(one) >= SHORTEST]
