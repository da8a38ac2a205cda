"""The plugins' documentation is YAML: ansible-doc shows nothing of a module where a line of it, or of a fragment, is not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from kit.paths import ROOT

PLUGINS = ROOT / "plugins"


@pytest.mark.parametrize(
    "path",
    sorted(PLUGINS.glob("modules/*.py")) + sorted(PLUGINS.glob("doc_fragments/*.py")),
    ids=lambda path: path.stem,
)
def test_documentation_can_be_read(path: Path):
    texts = {
        node.targets[0].id: node.value.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for name, text in texts.items():
        if isinstance(text, str) and "\n" in text:
            assert yaml.safe_load(text), name
