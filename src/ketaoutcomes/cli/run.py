"""Check studies, then bring their results up to date and print the headline of each."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ketaoutcomes.cli._run_lock import Held
    from ketaoutcomes.cli._workflow import Order
    from ketaoutcomes.domain.study import Study


def arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    parser.add_argument("study", nargs="*", help="studies to run; the list in config/config.yaml when none is named")
    parser.add_argument("-c", "--cores", type=int, default=os.cpu_count() or 1, help="jobs at a time (default: all cores)")
    parser.add_argument("--blinded", action="store_true", help="a dry run with permuted arms, in results/STUDY/blinded/ only")
    parser.add_argument("--seed", type=int, help="seed of the blinded run's permutation (default: from the study's name)")


def main(args: argparse.Namespace) -> int:
    """Check, drive snakemake, print one line per study."""
    from ketaoutcomes.cli import _project, _run_lock, _table_formats, _workflow
    from ketaoutcomes.domain.findings import DataMissing, KetaoutcomesError

    if not (_project.ROOT / "Snakefile").is_file():
        raise DataMissing("there is no Snakefile here: run this in the project's folder")
    if args.seed is not None and not args.blinded:
        raise KetaoutcomesError("--seed is the seed of a blinded run: say --blinded too")
    _workflow.refuse_profiles(_project.ROOT)
    config = _config(_project.ROOT)
    _table_formats.require(config.get("table_formats"))
    names = [Path(name).stem if name.endswith(".yaml") else name for name in args.study] or [str(name) for name in config["studies"]]
    with _run_lock.held(_project.ROOT / "results") as lock:
        return _run(names, args, lock)


def _run(names: list[str], args: argparse.Namespace, lock: Held) -> int:
    from ketaoutcomes.cli import _workflow, index

    _workflow.unlock(after_a_kill=lock.after_a_kill)
    _workflow.sweep(names)
    studies = _checked(names, blinded=args.blinded)
    started = time.time()
    print(f"checked {len(names)} {'studies' if len(names) > 1 else 'study'}: {', '.join(names)}", flush=True)
    order = _order(studies, args)
    code, heard = _workflow.drive(order, lock)
    _record(order, started)
    if code:
        return _workflow.failed(order, heard, started)
    index.write()
    return max(_headline(study, blinded=args.blinded) for study in studies)


def _config(root: Path) -> dict[str, Any]:
    """What config/config.yaml says."""
    import yaml

    return yaml.safe_load((root / "config" / "config.yaml").read_text(encoding="utf-8"))


def _checked(names: list[str], *, blinded: bool) -> list[Study]:
    """The studies, checked as far as that can be without a fit; their notes are printed."""
    from ketaoutcomes.blinding import require_arms
    from ketaoutcomes.cli import _checking, _inputs, _plan, _project
    from ketaoutcomes.domain.findings import KetaoutcomesError

    try:
        for study in (_project.load(name) for name in names) if blinded else ():
            require_arms(study)
        found = _checking.checked(names)
        for one in found:
            _plan.read(one.study.study)
    except KetaoutcomesError as error:
        _name_older(names)
        _keep_refusal(names, error)
        raise
    studies = [one.study for one in found]
    _inputs.require_room(studies)
    notes = [line for one in found for line in _checking.noted(one)]
    print("\n".join(notes), end="\n" if notes else "")
    return studies


def _keep_refusal(names: list[str], error: Exception) -> None:
    """The findings of a refused study beside its results, for programs to read; the next run that reads it takes them away."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.domain.findings import Refused

    for name in names if isinstance(error, Refused) else []:
        files.write_json(_project.restricted(name) / "refused.json", error.found.listed() if isinstance(error, Refused) else [])


def _order(studies: list[Study], args: argparse.Namespace) -> Order:
    """What snakemake is to do, on the inputs as they are now."""
    from ketaoutcomes import digests
    from ketaoutcomes.cli import _inputs, _project
    from ketaoutcomes.cli._ledger import Ledger
    from ketaoutcomes.cli._workflow import Order

    roots = {study.study: _project.ROOT if args.blinded else _inputs.snapshot(study, _project.ROOT) for study in studies}
    return Order(
        studies=[study.study for study in studies],
        inputs={study.study: digests.data(study, roots[study.study]) for study in studies},
        cores=args.cores,
        blinded=args.blinded,
        seed=args.seed,
        remade=[path for study in studies for path in Ledger(study.study, args.blinded).damaged(study)],
    )


def _name_older(names: list[str]) -> None:
    from ketaoutcomes.cli import _project

    for name in names:
        if (_project.audience(name, "release") / "report.html").is_file():
            print(f"note: results/{name}/release/ is unchanged and belongs to an earlier input", file=sys.stderr)


def _record(order: Order, started: float) -> None:
    """Where and when: on the restricted side only, so that a release depends on neither."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project

    facts = {
        "started": started,
        "seconds": time.time() - started,
        "cores": order.cores,
        "host": platform.node(),
        "folder": str(Path.cwd()),
        "python": sys.version,
    }
    for name in order.studies:
        files.write_json(_project.restricted(name, blinded=order.blinded) / "run.json", facts)


def _headline(study: Study, *, blinded: bool) -> int:
    """Print a study's headline; 3 when its primary analysis is not estimable."""
    from ketaoutcomes import files
    from ketaoutcomes.cli import _project
    from ketaoutcomes.cli._ledger import Ledger
    from ketaoutcomes.report import headline

    folder = _project.audience(study.study, "blinded" if blinded else "release")
    Ledger(study.study, blinded).require(folder / "ard.csv", folder / "report.html")
    found = headline(files.read_ard(folder / "ard.csv"))
    print(f"{study.study}: {'BLINDED, arms permuted: ' if blinded else ''}{found.sentence} [{found.status}] {folder / 'report.html'}")
    return 0 if found.status in {"ok", "flagged", "withheld"} else 3
