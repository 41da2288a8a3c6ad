"""Make the displays of a study, each only when its rows or its code changed."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from ketaoutcomes import digests, files
from ketaoutcomes.cli import _project
from ketaoutcomes.cli._ledger import Ledger, intact
from ketaoutcomes.plugins import Plugin, displays
from ketaoutcomes.schema.labels import Labels


def make(stage: str, study: str, audience: str, **options: tuple[str, ...]) -> None:
    """Write each display of a stage and an index of them.

    A display whose digest (its rows of the ARD, its code and the stage's options) stands in the last
    index, with its files unchanged, is left alone.
    """
    folder = _project.audience(study, audience) / stage
    ledger = Ledger(study, audience == "blinded")
    ledger.require(folder.parent / "ard.csv")
    ard = files.read_ard(folder.parent / "ard.csv")
    models = Labels.of(ard).of_kind("model")
    before = ledger.index(folder / "index.json")
    index: dict[str, Any] = {}
    for plugin in displays(stage, set(models.values())):
        digest = _digest(stage, plugin, ard, models, options)
        known = before.get(plugin.name, {})
        if known.get("digest") == digest and intact(folder, known):
            index[plugin.name] = known
        else:
            index[plugin.name] = {"digest": digest, **_make(stage, plugin, ard, folder, options)}
    _remove_others(folder, index)
    files.write_json(folder / "index.json", index)
    ledger.record(f"{stage}_{audience}", [folder / "index.json"])


def _digest(stage: str, plugin: Plugin, ard: pd.DataFrame, models: dict[str, str], options: dict[str, tuple[str, ...]]) -> str:
    """Digest of a display's code and of the rows it may show: those of models it needs, and the study's words; options."""
    wanted = {model for need in plugin.needs for model in need.split("|")}
    chosen = {name for name, model in models.items() if model in wanted or not wanted}
    rows = ard[ard["analysis"].isin([*chosen, "study", "published"])]
    text = rows.to_csv(index=False) + digests.plugin(stage, plugin) + (repr(options) if options else "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _make(stage: str, plugin: Plugin, ard: pd.DataFrame, folder: Path, options: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    module = import_module(f"ketaoutcomes.{stage}")
    made = module.make(plugin.name, ard, **options)
    for name, data in made.files.items():
        with files.replacing(folder / name) as temporary:
            temporary.write_bytes(data)
    return {"caption": plugin.doc, **made.facts, "files": {name: hashlib.sha256(data).hexdigest() for name, data in made.files.items()}}


def _remove_others(folder: Path, index: dict[str, Any]) -> None:
    known = {name for entry in index.values() for name in entry["files"]} | {"index.json"}
    for path in folder.glob("*"):
        if path.is_file() and path.name not in known:
            path.unlink()
