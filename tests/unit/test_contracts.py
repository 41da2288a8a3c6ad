"""Every plug-in keeps its contract; generated files are in step; every folder is in the tour."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
from pathlib import Path
from typing import get_args

import pytest

from ketaoutcomes.domain.analyses import Analysis
from ketaoutcomes.domain.findings import Finding
from ketaoutcomes.plugins import displays, plugins

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = {"models": ("analyse", ["study", "name", "data"]), "figures": ("draw", ["ard"]), "tables": ("build", ["ard"])}
EVERY = [(stage, name) for stage in STAGES for name in plugins(stage)]


@pytest.mark.parametrize(("stage", "name"), EVERY)
def test_a_plugin_has_its_function_and_a_docstring(stage: str, name: str) -> None:
    function, parameters = STAGES[stage]
    module = importlib.import_module(f"ketaoutcomes.{stage}.{name}")
    assert list(inspect.signature(getattr(module, function)).parameters) == parameters
    assert plugins(stage)[name].doc.endswith((".", "}"))


@pytest.mark.parametrize(("stage", "name"), EVERY)
def test_a_plugin_imports_no_other_of_its_stage(stage: str, name: str) -> None:
    tree = ast.parse(plugins(stage)[name].path.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not imported & {f"ketaoutcomes.{stage}.{other}" for other in plugins(stage)}


def test_study_files_can_name_exactly_the_models_there_are() -> None:
    entries = get_args(get_args(Analysis)[0])
    assert {get_args(entry.model_fields["model"].annotation)[0] for entry in entries} == set(plugins("models"))


@pytest.mark.parametrize("stage", ["figures", "tables"])
def test_displays_need_models_that_exist(stage: str) -> None:
    named = {model for plugin in plugins(stage).values() for need in plugin.needs for model in need.split("|")}
    assert named <= set(plugins("models"))


def test_needs_are_alternatives_within_and_all_of_between() -> None:
    names = [plugin.name for plugin in displays("figures", {"descriptive", "cox"})]
    assert names == ["agreement", "dropout", "flow", "forest", "missing_scores", "session_courses"]


def test_generated_files_are_in_step() -> None:
    spec = importlib.util.spec_from_file_location("generate", REPOSITORY / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = [name for name, text in module.generated().items() if (REPOSITORY / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python docs/generate.py"


def test_the_tour_names_every_folder() -> None:
    tour = (REPOSITORY / "docs" / "tour.md").read_text(encoding="utf-8")
    folders = {path.name for path in (REPOSITORY / "src" / "ketaoutcomes").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert [name for name in sorted(folders) if f"{name}/" not in tour] == []


def test_no_pickle_no_eval_in_the_source() -> None:
    allowed = {"examples.py": "read_pickle"}  # after the file matched its pinned checksum
    for path in (REPOSITORY / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("import pickle", "read_pickle", "joblib", ".query(", ".eval(", "allow_pickle=True", "patsy", "from_formula"):
            assert word not in text or allowed.get(path.name) == word, (path.name, word)


def test_every_value_in_a_shell_command_is_quoted() -> None:
    found = [(path.name, value) for path in (REPOSITORY / "workflow").rglob("*.smk") for value in shell_values(path.read_text(encoding="utf-8"))]
    assert len(found) > 10
    assert [(name, value) for name, value in found if not value.endswith(":q")] == []


def shell_values(text: str) -> list[str]:
    """What the shell commands of a rule file interpolate."""
    commands = re.findall(r'shell:\s*((?:"[^"]*"\s*)+)', text)
    return [value for command in commands for value in re.findall(r"\{([^{}]+)\}", command)]


def test_what_is_shown_on_a_terminal_holds_no_control_or_direction_marks() -> None:
    text = str(Finding("f\x1b[31m.csv", 1, "a\u202eb", "E-DATA-X", "m\x07\u2066"))
    assert "f\\x1b[31m.csv:1:a\\u202eb" in text
    assert all(char == "\n" or char.isprintable() for char in text)
