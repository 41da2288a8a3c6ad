"""Remake the gallery from the simulated studies: `python docs/gallery.py` (a test holds its words and pictures in step).

docs/gallery.md           every figure with its caption and what it shows in words
docs/images/*.png         the figures at 180 mm, some also at 85 mm
docs/images/report-*.png  the first screen of a report on a desk and on a telephone, where a Chromium is found
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from PIL import Image

from ketaoutcomes import figures
from ketaoutcomes.derive import derive
from ketaoutcomes.domain.study_file import read_study
from ketaoutcomes.figures._figure import NARROW as NARROW_WIDTH
from ketaoutcomes.figures._figure import WIDE
from ketaoutcomes.ingest import ingest
from ketaoutcomes.models import analyse
from ketaoutcomes.plugins import plugins
from ketaoutcomes.release import release
from ketaoutcomes.simulate import SIMULATED

ROOT = Path(__file__).resolve().parents[1]
#: Figure and the simulated study it is shown for.
SHOWN = (
    ("trajectory", "esketamine_trial"),
    ("forest", "esketamine_trial"),
    ("flow", "esketamine_withdrawal"),
    ("relapse_curve", "esketamine_withdrawal"),
    ("cumulative_incidence", "esketamine_withdrawal"),
    ("over_visits", "esketamine_trial"),
    ("session_courses", "esketamine_trial"),
    ("missing_scores", "esketamine_trial"),
    ("dropout", "esketamine_trial"),
    ("site_means", "ketamine_clinics"),
    ("site_sizes", "ketamine_clinics"),
    ("doses", "ketamine_clinics"),
    ("balance", "ketamine_or_ect"),
    ("model_checks", "esketamine_trial"),
)
#: Shown at a single column too.
NARROW = ("trajectory", "forest", "relapse_curve")
_HEAD = """<!-- made by docs/gallery.py -->
# Gallery

Every figure below was drawn from the released results of a simulated study that `make demo` runs, by `python docs/gallery.py`. Each is made
at 180 and at 85 mm, as SVG and PNG, beside a CSV of the rows it shows; the words under it are its caption and its alternative text.
"""


@cache
def released(study: str) -> pd.DataFrame:
    """The released ARD of a simulated study."""
    with TemporaryDirectory() as root:
        folder = Path(root) / "data" / study
        folder.mkdir(parents=True)
        for name, text in SIMULATED[study](None).items():
            (folder / name).write_text(text, encoding="utf-8")
        plan = read_study(ROOT / "config" / "studies" / f"{study}.yaml")
        data = derive(plan, ingest(plan, Path(root)).tables)
    return release(plan, [analyse(plan, name, data) for name in plan.analyses]).release


def gallery() -> tuple[str, dict[str, bytes]]:
    """The page, and its pictures by name."""
    parts, pictures = [_HEAD], dict[str, bytes]()
    for name, study in SHOWN:
        made = figures.make(name, released(study), widths=(WIDE, NARROW_WIDTH) if name in NARROW else (WIDE,))
        parts.append(f"\n## {made.facts['title']}\n\n`{name}`, of `{study}`. {plugins('figures')[name].doc}\n")
        if made.facts["nothing"]:
            parts.append(f"\n> {made.facts['nothing']}\n")
            continue
        for ending, width in (("", 720), ("_85mm", 340))[: 2 if name in NARROW else 1]:
            pictures[f"{name}{ending}.png"] = _small(made.files[f"{name}{ending}.png"])
            parts.append(f'\n<img src="images/{name}{ending}.png" width="{width}" alt="{_quoted(made.facts["alt"])}">\n')
    return "".join(parts), pictures


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _small(png: bytes) -> bytes:
    """The picture with 64 colours: a third of the bytes, and no difference to the eye."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(out, format="PNG", optimize=True)
    return out.getvalue()


def _screens(report: Path, folder: Path) -> None:
    """The first screen of a finished report, light on a desk and dark on a telephone."""
    browser = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if browser is None or not report.is_file():
        print("no Chromium or no finished demo: the pictures of the report are left as they are")
        return
    for name, width, height in (("report-desk", 1280, 1500), ("report-phone", 390, 1500)):
        shot = folder / f"{name}.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},{height}", f"--screenshot={shot}"]
        subprocess.run([browser, *flags, report.as_uri()], check=True, capture_output=True)  # noqa: S603 - a browser that was found, on a page of ours
        shot.write_bytes(_small(shot.read_bytes()))


def main() -> int:
    """Write page and pictures."""
    text, pictures = gallery()
    folder = ROOT / "docs" / "images"
    folder.mkdir(exist_ok=True)
    (ROOT / "docs" / "gallery.md").write_text(text, encoding="utf-8")
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    _screens(ROOT / "results" / "esketamine_trial" / "release" / "report.html", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
