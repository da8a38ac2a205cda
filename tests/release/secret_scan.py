"""Secrets in the checkout that secrets.json does not know: 'python secret_scan.py [--accept] FILE...', in the environment that
has detect-secrets. What it knows is material of tests, and words that look like a secret; who adds to it answers for that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.settings import transient_settings

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KNOWN = HERE / "secrets.json"
# Those of detect-secrets whose findings this project could have, and Vault's own.
PLUGINS = (
    "AWSKeyDetector",
    "Base64HighEntropyString",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "HexHighEntropyString",
    "JwtTokenDetector",
    "KeywordDetector",
    "NpmDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SlackDetector",
)
SETTINGS = {
    "plugins_used": [
        *({"name": name} for name in PLUGINS),
        {"name": "VaultTokenDetector", "path": f"file://{HERE / 'vault_token.py'}"},
    ],
    "filters_used": [
        {"path": f"detect_secrets.filters.heuristic.{name}"}
        for name in (
            "is_indirect_reference",
            "is_likely_id_string",
            "is_not_alphanumeric_string",
            "is_potential_uuid",
            "is_prefixed_with_dollar_sign",
            "is_sequential_string",
            "is_swagger_file",
            "is_templated_secret",
        )
    ]
    # The sums of packages are no secrets, and most of what there is to read.
    + [{"path": "detect_secrets.filters.regex.should_exclude_line", "pattern": [r"--hash=sha256:[0-9a-f]{64}"]}],
}


def found(files: list[str]) -> list[tuple[str, str, str, int]]:
    """File, kind, hash and line of each."""
    collection = SecretsCollection(root=str(ROOT))
    with transient_settings(SETTINGS):
        collection.scan_files(*(name for name in files if ROOT / name != KNOWN), num_processors=2)
    return sorted((path, one.type, one.secret_hash, one.line_number) for path, one in collection)


def main() -> None:
    accept = sys.argv[1:2] == ["--accept"]
    here = found(sys.argv[2 if accept else 1 :])
    if accept:
        KNOWN.write_text(json.dumps(sorted({tuple(one[:3]) for one in here}), indent=1) + "\n")
        return
    known = {tuple(one) for one in json.loads(KNOWN.read_text())}
    said = [
        f"{path}:{line}: this looks like a secret ({kind}). Take it out, also of the history; if it is none, "
        "run 'make audit ACCEPT=yes'."
        for path, kind, value, line in here
        if (path, kind, value) not in known
    ]
    gone = known - {tuple(one[:3]) for one in here}
    said += [
        f"secrets.json knows a secret of {path} that is gone. Run 'make audit ACCEPT=yes'."
        for path, *_rest in sorted(gone)
    ]
    if said:
        sys.exit("\n".join(said))


if __name__ == "__main__":
    main()
