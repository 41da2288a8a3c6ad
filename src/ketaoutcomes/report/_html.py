"""Pages from templates: everything escaped, one style for all."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup


def render(template: str, **values: Any) -> str:  # noqa: ANN401 - what templates show
    """The page that a template of this folder makes of `values`."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    folder = files("ketaoutcomes.report")
    page = environment.from_string(folder.joinpath(template).read_text(encoding="utf-8"))
    style = Markup(folder.joinpath("page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return page.render(style=style, **values)
