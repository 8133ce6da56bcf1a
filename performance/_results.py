"""Show, write and compare results: a table for people, JSON for programs, ratios to an earlier run.

In a row, text and whole numbers say what was measured, fractions are the figures. What a column's name ends with says
whether a figure can be judged: shares and efficiencies should be high, ratios low, on any machine. All other figures
(seconds, bytes, rates) belong to the machine they were taken on; they are compared, but nobody is blamed for them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
"""Rows by the title of their table; the rows of a table have the same columns."""

HIGH, LOW = ("share", "efficiency"), ("ratio",)
"""Ends of the names of judged columns: those that should be high, and those that should be low."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """The parser of a program, with the options that all of them have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    kept = made.add_argument_group("results")
    kept.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    kept.add_argument("--compare", type=Path, metavar="BASELINE.json", help="results of an earlier run")
    kept.add_argument("--tolerance", type=float, default=0.1, help="by which share a judged figure may be worse")
    return made


def show(title: str, rows: Sequence[Row], options: argparse.Namespace | None = None) -> None:
    """Publish a single table."""
    publish({title: rows}, options)


def publish(tables: Tables, options: argparse.Namespace | None = None) -> None:
    """Print tables, and write or compare them if the options say so; without them, print them as a line of JSON too.

    Args:
        tables: what was measured.
        options: from a parser made here.

    Raises:
        SystemExit: with status 1 if a judged figure is worse than the baseline's.
    """
    for title, rows in tables.items():
        print(title)
        print_table(rows)
    found = {"machine": machine(), **circumstances(), "tables": {title: list(rows) for title, rows in tables.items()}}
    if options is None or options.json is None:
        print(json.dumps(found, ensure_ascii=False))
    else:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        unfinished = options.json.with_name(f".{options.json.name}.unfinished")
        unfinished.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(options.json)
    if options is not None and options.compare is not None:
        compare(found, read(options.compare), options.tolerance)


def machine() -> dict[str, Any]:
    """What the results were measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {"cpu": _cpu(), "cores": cores, "threads": torch.get_num_threads(), "torch": torch.__version__, **gpu}


def circumstances() -> dict[str, str]:
    """Command, commit and date of the measurement."""
    program = Path(sys.argv[0])
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "command": " ".join(["python", f"{program.parent.name}/{program.name}", *sys.argv[1:]]),
        "commit": asked.stdout.strip() or "unknown",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def read(path: Path) -> dict[str, Any]:
    """Read results of an earlier run."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(rows, list) for rows in found["tables"].values()) and "machine" in found:
            return dict(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise SystemExit(f"{path}: cannot be read as results; write them with --json")


def compare(new: Mapping[str, Any], old: Mapping[str, Any], tolerance: float) -> None:
    """Print each figure divided by the one of an earlier run.

    Raises:
        SystemExit: with status 1 if a judged figure is worse by more than the tolerance, or if no row can be compared.
    """
    print(f"Compared with {old['commit']} of {old['date']}; columns with a * depend on the machine and are not judged")
    if new["machine"] != old["machine"]:
        print(f"  measured on {old['machine']}, and now on {new['machine']}")
    earlier = {identity(row): row for rows in old["tables"].values() for row in rows}
    worse, compared = [], 0
    for rows in new["tables"].values():
        known = [row for row in rows if identity(row) in earlier]
        compared += len(known)
        if known:
            print_table([_quotients(row, earlier[identity(row)]) for row in known])
        for row in known:
            worse += [
                f"worse: {_name(row)}: {column} is {_text(row[column])}, was {_text(earlier[identity(row)][column])}"
                for column in judged_worse(row, earlier[identity(row)], tolerance)
            ]
    if not compared:
        raise SystemExit("nothing to compare: the earlier run has none of these rows; run it with the same options")
    if worse:
        raise SystemExit("\n".join(worse))
    print(f"nothing is worse by more than {tolerance:.0%}")


def judged_worse(new: Row, old: Row, tolerance: float) -> list[str]:
    """The judged columns whose figure is worse by more than a tolerance (0.1: by a tenth)."""
    worse = []
    for column in figures(new):
        if column not in figures(old):
            continue
        too_low = column.endswith(HIGH) and new[column] < old[column] * (1 - tolerance)
        too_high = column.endswith(LOW) and new[column] > old[column] * (1 + tolerance)
        if too_low or too_high:
            worse.append(column)
    return worse


def identity(row: Row) -> tuple[tuple[str, str | int], ...]:
    """What a row is about: its text and whole numbers."""
    return tuple((column, value) for column, value in row.items() if isinstance(value, str | int))


def figures(row: Row) -> list[str]:
    """The columns with measured values."""
    return [column for column, value in row.items() if isinstance(value, float)]


def print_table(rows: Sequence[Row]) -> None:
    """Print rows of the same columns, the first column to the left and all others to the right."""
    cells = [list(rows[0])] + [[_text(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *others]))


def _quotients(new: Row, old: Row) -> dict[str, Any]:
    quotients: dict[str, Any] = dict(identity(new))
    for column, value in new.items():
        if column not in quotients and not isinstance(value, list):
            both = isinstance(value, float) and isinstance(old.get(column), float) and old[column] != 0
            name = column if column.endswith((*HIGH, *LOW)) else f"{column} *"
            quotients[name] = value / old[column] if both else None
    return quotients


def _name(row: Row) -> str:
    return ", ".join(str(value) for _, value in identity(row))


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, list):
        return " ".join(_text(item) for item in value)
    return "–" if value is None else str(value)


def _cpu() -> str:
    """The name of the processor on Linux, elsewhere its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
