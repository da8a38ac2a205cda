"""An audit device on stdout writes into the journal: what of it is shown when Vault does not start."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node.journal import own_words

LOG = '{"@level":"error","@message":"core: failed to unseal core","error":"context deadline exceeded"}'
PLAIN = 'error loading configuration from "/etc/vault.d/vault.hcl": permission denied'
REQUEST = '{"time":"2026-11-25T20:00:00Z","type":"request","auth":{"accessor":"hmac-sha256:6f"},"request":{"path":"secret/db"}}'


def exported(message, **fields):
    return json.dumps({"_STREAM_ID": "a", "MESSAGE": message, **fields})


def test_vaults_own_words_are_kept_in_order():
    assert own_words([exported(LOG), exported(PLAIN)]) == [LOG, PLAIN]


@pytest.mark.parametrize(
    "entry",
    [
        REQUEST,
        REQUEST.replace('"request",', '"response",'),
        "@cee: " + REQUEST,
        json.dumps(json.loads(REQUEST)),
        '<json:object name="x"><json:string name="type">response</json:string><json:string name="path">secret/db',
    ],
)
def test_audit_entries_are_left_out(entry):
    assert own_words([exported(LOG), exported(entry), exported(PLAIN)]) == [LOG, PLAIN]


def test_no_piece_of_a_line_that_was_cut_is_kept():
    pieces = [
        exported("{" + "x" * 100, _LINE_BREAK="line-max"),
        exported(PLAIN, _STREAM_ID="b"),
        exported("secret/db", _LINE_BREAK="line-max"),
        exported('secret/other"}}'),
        exported(LOG),
    ]
    assert own_words(pieces) == [PLAIN, LOG]


def test_what_is_too_long_or_no_text_is_left_out():
    assert own_words([exported(None), exported([104, 105]), "no JSON", exported(LOG)]) == [LOG]
