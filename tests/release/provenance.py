"""A statement of how a release was made: in-toto's Statement with the predicate of SLSA. 'python provenance.py FILE' looks at one
with in-toto's own library, in the environment that has it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import typing as t
from pathlib import Path

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"


def digest(path: Path) -> dict[str, str]:
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def statement(
    *,
    repository: str,
    version: str,
    commit: str,
    builder: str,
    tools: dict[str, str],
    subjects: t.Iterable[Path],
    materials: t.Iterable[tuple[str, Path]],
) -> dict:
    """*materials*: what the build was given besides the source itself, by its path in the source. No time is in it: the statement
    of one commit is always the same."""
    source = f"git+{repository}@{commit}"
    return {
        "_type": STATEMENT,
        "subject": [{"name": path.name, "digest": digest(path)} for path in sorted(subjects)],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": f"{repository}/blob/main/docs/releasing.md",
                "externalParameters": {"source": source, "version": version, "target": "make release"},
                "internalParameters": {},
                "resolvedDependencies": [
                    {"name": "source", "uri": source, "digest": {"gitCommit": commit}},
                    *(
                        {"name": name, "uri": f"{source}#{name}", "digest": digest(path)}
                        for name, path in sorted(materials)
                    ),
                ],
            },
            "runDetails": {"builder": {"id": builder, "version": tools}},
        },
    }


def text(made: dict) -> str:
    return json.dumps(made, indent=2) + "\n"


def validate(text: str) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.v1 import resource_descriptor, statement_pb2
    from in_toto_attestation.v1.statement import Statement

    Statement.copy_from_pb(json_format.Parse(text, statement_pb2.Statement())).validate()
    predicate = json.dumps(json.loads(text)["predicate"])
    whole = json_format.Parse(predicate, provenance_pb2.Provenance())
    for one in whole.build_definition.resolved_dependencies:
        resource_descriptor.ResourceDescriptor.copy_from_pb(one).validate()


if __name__ == "__main__":
    validate(Path(sys.argv[1]).read_text())
