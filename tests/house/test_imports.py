from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.fixtures import ROOT
from tests.house import code


def test_the_rooms_import_downwards_only() -> None:
    told = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, told.stdout + told.stderr


def test_all_imports_stand_at_the_top() -> None:
    """A late import is an arrow that neither a reader nor the linter sees."""
    late = [
        code.place(file, node)
        for file in code.modules()
        for function in code.functions(file)
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]

    assert late == []


def test_tests_replace_nothing_of_our_own() -> None:
    """Only the network's far end and the clock are replaced: patching our own function proves nothing. A constant may be made small."""
    patched = [code.place(file, call) for file in code.tests() for call in code.calls(file) if _is_patch(call) and _aims_at_us(call, file)]

    assert patched == []


def _is_patch(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    return name.endswith(("monkeypatch.setattr", "monkeypatch.delattr")) or "patch" in name.split(".")


def _aims_at_us(call: ast.Call, file: Path) -> bool:
    if not call.args:
        return False
    target = call.args[0]
    if len(call.args) > 1 and ast.unparse(call.args[1]).strip("'\"").isupper():
        return False
    if isinstance(target, ast.Constant):
        return str(target.value).split(".")[0] in code.ROOMS
    return ast.unparse(target).split(".")[0] in _ours(file)


def _ours(file: Path) -> set[str]:
    """The names that a test module has imported from us."""
    names = set()
    for node in ast.walk(code.syntax(file)):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name.split(".")[0] in code.ROOMS}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in code.ROOMS:
            names |= {alias.asname or alias.name for alias in node.names}
    return names
