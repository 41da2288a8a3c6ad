"""Pages whose code is run while they are made: `docs/generate.py` calls `page`.

A page is a Markdown text with ```python blocks. Each block is executed in one namespace in the repository's root, and what its last line
evaluates to is printed under it.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]


def page(source: Path) -> str:
    """The page with the output of every block."""
    namespace: dict[str, Any] = {}

    def run(match: re.Match[str]) -> str:
        output = _output(match[1], namespace)
        return match[0] + (f"\n\n```\n{output}\n```" if output else "")

    here = Path.cwd()
    os.chdir(ROOT)
    try:
        with pd.option_context("display.width", 120, "display.max_columns", 20, "display.float_format", "{:.3f}".format):
            return re.sub(r"```python\n(.*?)```", run, source.read_text(encoding="utf-8"), flags=re.DOTALL)
    finally:
        os.chdir(here)


def _output(code: str, namespace: dict[str, Any]) -> str:
    body = ast.parse(code).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(ast.Module(body, []), "<page>", "exec"), namespace)  # noqa: S102 - our own pages
        if last is not None:
            assert isinstance(last, ast.Expr)
            value = eval(compile(ast.Expression(last.value), "<page>", "eval"), namespace)  # noqa: S307 - our own pages
            if value is not None:
                print(value)
    return out.getvalue().rstrip()
