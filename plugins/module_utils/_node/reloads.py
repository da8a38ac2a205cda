# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of its configuration a running server takes with SIGHUP, and whether that is all that differs. Pure.

The table (product.RELOADED) is what the server does at that signal (command/server.go), and what reads the configuration that it
has stored by then each time it is asked (vault/core.go, vault/request_handling.go). Everything else is read when the server
starts.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from .._common.product import Product
from .installation import MARK

# Of some the server takes another value, and goes on with the last one where there is none any more.
STAYS = {"log_requests_level"}
_STANZAS = {'listener "tcp"': "listener", 'storage "raft"': "raft"}
_SETTING = re.compile(r'(?P<indent> *)(?P<name>\w+)(?: "[^"]*")* (?:= .*|(?P<block>\{))')
_STANZA = re.compile(r'(\w+(?: "[^"]*")*) \{')


def restart_part(text: str, server: Product) -> str:
    """Of a vault.hcl as this collection writes it what only a restart brings into effect.

    It knows that form and no other: what it can't tell apart stays, and counts for a restart.
    """
    kept, stanza, end = [], "server", None
    for line in text.splitlines():
        if end is not None:
            end = None if line == end else end
            continue
        setting = _SETTING.fullmatch(line)
        indent = "" if stanza == "server" else "  "
        if setting and setting["indent"] == indent and server.reloads(stanza, setting["name"]):
            end = f"{indent}}}" if setting["block"] else None
            kept += [f"{indent}{setting['name']}"] if setting["name"] in STAYS else []
            continue
        head = _STANZA.fullmatch(line)
        if stanza == "server" and head:
            stanza = _STANZAS.get(head[1], "another")
        elif line == "}":
            stanza = "server"
        kept.append(line)
    return "\n".join(kept)


def digest(text: str, server: Product | None) -> str | None:
    """SHA-256 of that part; None for a file that somebody else made, and for a server that nobody knows."""
    if server is None or not text.startswith(MARK):
        return None
    return hashlib.sha256(restart_part(text, server).encode()).hexdigest()


def are_enough(before: str | None, after: str | None, server: Product | None) -> bool:
    """Whether a reload brings all into effect in which the one text differs from the other."""
    known = digest(before or "", server)
    return known is not None and known == digest(after or "", server)


def digests(texts: t.Mapping[str, str], server: Product | None) -> dict[str, str]:
    """By path, of those files that have one."""
    return {path: found for path, text in texts.items() if (found := digest(text, server))}
