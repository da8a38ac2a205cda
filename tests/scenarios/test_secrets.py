"""No recovery key, token or private key shows: not in the output, however talkative, nor in what is left behind."""

from __future__ import annotations

import base64
import json

from kit.bench import ROOT
from kit.process_list import ProcessList
from kit.recording_proxy import PROXY_PORT, Wire

# A signed request to STS, plain or as Vault is sent it, and a token of Vault's.
SIGNED = (
    "AWS4-HMAC-SHA256",
    "iam_request_headers",
    "hvs.",
    base64.b64encode(b"Action=GetCallerIdentity").decode()[:28],
)


def test_nothing_secret_shows(fresh_lab):
    fresh_lab.forget_cluster()
    with Wire((fresh_lab.lab.gateway, PROXY_PORT), fresh_lab.lab.aws_url, []) as wire, ProcessList() as processes:
        variables = json.dumps({"vault_aws_endpoint_url": wire.url})
        with fresh_lab.acting_as("vault-admin"):
            own = [fresh_lab.environment[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
            runs = [
                fresh_lab.play("-e", variables, "-vvvv", "--diff", "--check"),
                fresh_lab.play("-e", variables, "-vvvv", "--diff"),
                fresh_lab.play("-e", variables, "-vvvv", "--diff"),
            ]
        assert [code for code, _output in runs] == [0, 0, 0], runs[-1][1][-3000:]
        output = "".join(output for _code, output in runs)
        assert not wire.shown_in(output)
        assert not wire.shown_in(" ".join(processes.seen))
        assert "ansible-playbook" in " ".join(processes.seen), "the process list was not watched"
        # By whom the runs log in, what is signed for that, and what Vault gives for it.
        assert "Who may do what is set up" in output, "nobody logged in"
        for text in (output, " ".join(processes.seen)):
            assert not [secret for secret in own if secret in text]
            assert not [mark for mark in SIGNED if mark in text]

        private_keys = fresh_lab.on_nodes("cat /etc/vault.d/tls/vault.key")
        assert len(private_keys) == 3
        for key in private_keys:
            body = key.splitlines()[1]
            assert body not in output
            assert body not in " ".join(processes.seen)

        logs = fresh_lab.on_nodes(
            "journalctl --no-pager; cat /var/log/vault/*; find /tmp /root /home -type f | xargs -r cat"
        )
        assert all("vault" in log for log in logs)
        assert not wire.shown_in("".join(logs))
        assert not [mark for mark in [*own, "AWS4-HMAC-SHA256", "hvs."] for log in logs if mark in log]
        places = [*fresh_lab.output.rglob("*"), *ROOT.glob("*.retry")]
        left = [path for path in places if path.is_file()]
        left += [path for path in (ROOT / ".ansible" / "tmp").rglob("*") if path.is_file()]
        assert not wire.shown_in("".join(path.read_text(errors="replace") for path in left))
