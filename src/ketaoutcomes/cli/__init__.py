"""The commands: each parses, reads, calls one pure function and writes. Heavy imports wait until they are needed."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

_COMMANDS = ("init", "check", "lock", "run", "verify", "simulate", "example", "ingest", "derive", "analyse", "release", "figures", "tables", "report", "index")
_EPILOG = "exit codes: 0 done; 2 problem with the input or the study file; 3 a primary analysis is not estimable; 1 a bug"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _settle()
    args = _parser().parse_args(argv)
    from ketaoutcomes.domain.findings import KetaoutcomesError

    try:
        _join()
        code = int(import_module(f"ketaoutcomes.cli.{args.command}").main(args))
    except KetaoutcomesError as error:
        print(f"ketaoutcomes {args.command}: refused\n{error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is reported without data in its message
        code = _unexpected(args.command, error)
    print(f"ketaoutcomes exit {code}", file=sys.stderr) if "KETAOUTCOMES_JOB" in os.environ else None
    return code


def _join() -> None:
    """Take a job's share in the lock of the run that began it, until this process ends."""
    if "KETAOUTCOMES_JOB" in os.environ:
        from ketaoutcomes.cli import _project, _run_lock

        _run_lock.join(_project.ROOT / "results", os.environ[_run_lock.JOB])


def _unexpected(command: str, error: Exception) -> int:
    """Say what went wrong: 2 for a disk that is full or closed, 1 for a bug."""
    from ketaoutcomes.cli import _disk
    from ketaoutcomes.domain.findings import printable

    words = _disk.sentence(error)
    print(printable(f"ketaoutcomes {command}: {words}") if words else _bug(command, error), file=sys.stderr)
    return 2 if words else 1


def _settle() -> None:
    """Private files, one BLAS thread (the matrices are small), no clock in figures."""
    os.umask(0o077)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
    os.environ.setdefault("MPLBACKEND", "agg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ketaoutcomes", description="Clinical outcomes of ketamine treatment: from CSV to report.", epilog=_EPILOG)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in _COMMANDS:
        module = import_module(f"ketaoutcomes.cli.{name}")
        words = (module.__doc__ or "").strip().splitlines()[0]
        module.arguments(commands.add_parser(name, help=words, description=words, epilog=_EPILOG))
    return parser


def _bug(command: str, error: Exception) -> str:
    """Where a bug happened. Its message may hold data, so it is shown only when asked for."""
    if os.environ.get("KETAOUTCOMES_DEBUG"):
        return "".join(traceback.format_exception(error))
    frame = traceback.extract_tb(error.__traceback__)[-1]
    file = Path(frame.filename)
    place = f"{file.parent.name}/{file.name}:{frame.lineno}"
    return f"ketaoutcomes {command}: a bug ({type(error).__name__} at {place}). Please report it; KETAOUTCOMES_DEBUG=1 shows the details, which may hold data."
