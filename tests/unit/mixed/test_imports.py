"""The engine's import contract: pandas and formulaic in `design.py` only, nothing of ours, no slow part of scipy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import ketaoutcomes.mixed

MODULES = sorted(Path(ketaoutcomes.mixed.__file__).parent.glob("*.py"))


def imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_each_module_imports_what_it_may() -> None:
    assert len(MODULES) > 5
    for module in MODULES:
        names = imported(module)
        ours = {name for name in names if name.startswith("ketaoutcomes")}
        assert all(name.startswith("ketaoutcomes.mixed") for name in ours), module.name
        foreign = {name.split(".")[0] for name in names - ours} - set(sys.stdlib_module_names)
        allowed = {"numpy", "scipy", "pandas", "formulaic"} if module.name == "design.py" else {"numpy", "scipy"}
        assert foreign <= allowed, module.name


def test_importing_the_engine_does_not_load_scipy_stats() -> None:
    code = "import sys, ketaoutcomes.mixed; sys.exit('scipy.stats' in sys.modules or 'scipy.optimize' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
