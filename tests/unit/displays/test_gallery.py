"""The committed gallery is what the code draws today."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_gallery_is_in_step() -> None:
    spec = importlib.util.spec_from_file_location("gallery", REPOSITORY / "docs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text, pictures = module.gallery()
    assert (REPOSITORY / "docs" / "gallery.md").read_text(encoding="utf-8") == text, "run: python docs/gallery.py"
    for name, data in pictures.items():
        ours, committed = (np.asarray(Image.open(source).convert("L"), dtype=float) for source in (io.BytesIO(data), REPOSITORY / "docs" / "images" / name))
        assert ours.shape == committed.shape, name
        assert np.abs(ours - committed).mean() < 1.0, name
