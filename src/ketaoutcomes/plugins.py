"""The models, figures and tables there are: the file system is the registry.

Files are read with `ast`, never imported: the Snakefile asks here while it is parsed.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Plugin:
    """One file of a stage.

    Attributes
    ----------
    name
        File name without ending: wildcard, output name and label.
    path
        The file.
    doc
        Its docstring: method text, caption or title and footnote.
    needs
        Models a display needs, all of them; ``a|b`` means either.
    """

    name: str
    path: Path
    doc: str
    needs: tuple[str, ...]

    def served_by(self, models: Collection[str]) -> bool:
        """Do these models meet the display's needs?"""
        return all(set(need.split("|")) & set(models) for need in self.needs)


@cache
def plugins(stage: str) -> dict[str, Plugin]:
    """The plugins of ``models``, ``figures`` or ``tables`` by name."""
    files = sorted(path for path in (_HERE / stage).glob("[a-z]*.py"))
    return {path.stem: _plugin(path) for path in files}


def displays(stage: str, models: Collection[str]) -> list[Plugin]:
    """The figures or tables that a study with these models gets."""
    return [plugin for plugin in plugins(stage).values() if plugin.served_by(models)]


def _plugin(path: Path) -> Plugin:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    needs: tuple[str, ...] = ()
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "NEEDS" for t in node.targets):
            needs = tuple(ast.literal_eval(node.value))
    return Plugin(path.stem, path, " ".join((ast.get_docstring(tree) or "").split()), needs)
