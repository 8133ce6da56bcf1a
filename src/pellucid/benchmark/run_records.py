"""Results as a text file to keep in a repository: CSV, a line for each finished run, with the scores of each image.

Cells that belong to images hold one value for each, separated by spaces; settings are JSON, and so are quality curves:
[step, seconds, PSNR, SSIM] for each point. Denoised images are not in it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pellucid.benchmark.image_score import ImageScore
from pellucid.benchmark.results import Result, RunId, each_run_once, read_results
from pellucid.errors import InputError
from pellucid.files import replacing

RUN = tuple(RunId.model_fields)
SCORE = tuple(field.name for field in fields(ImageScore))[1:]
REST = tuple(
    name for name in Result.model_fields if name not in ("run", "status", "message", "scores", "curve", "images")
)
JSON = ("settings", "recipe", "training_images")
CURVE = "curve"
"""A column that older files lack."""

SIGNIFICANT = 6
"""Digits of a score."""


def write_records(results: Iterable[Result], path: Path, *, overwrite: bool = False) -> None:
    """Write the finished runs, sorted.

    Raises:
        InputError: the file exists and `overwrite` is not set.
        RunError: the disk is full.
    """
    done = sorted((result for result in results if result.status == "done"), key=lambda result: result.run.key)
    with replacing(path, overwrite=overwrite) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*RUN, *SCORE, *REST, CURVE], lineterminator="\n")
        writer.writeheader()
        writer.writerows(_record(result) for result in done)


def read_records(path: Path) -> list[Result]:
    """Read the runs in a file that `write_records` has written.

    Raises:
        InputError: the file cannot be read, or is another kind of CSV.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if absent := {*RUN, *SCORE, *REST}.difference(reader.fieldnames or ()):
                raise ValueError(f"no column {min(absent)}")
            return [_result(record) for record in reader]
    except OSError as problem:
        raise InputError(f"{path}: cannot be read ({problem.strerror})") from None
    except (ValueError, ValidationError, csv.Error) as problem:
        raise InputError(
            f"{path}: is not a file of runs ({str(problem).splitlines()[0]}); "
            "`pellucid benchmark table OUT --runs FILE.csv` writes one"
        ) from None


def read_all(paths: Iterable[Path]) -> list[Result]:
    """Read folders of benchmarks and files of runs, each run once.

    Raises:
        InputError: as `read_results` and `read_records`.
    """
    return each_run_once(
        result for path in paths for result in (read_records(path) if path.suffix == ".csv" else read_results(path))
    )


def _record(result: Result) -> dict[str, Any]:
    scores = {metric: _numbers(getattr(score, metric) for score in result.scores) for metric in SCORE}
    rest = result.model_dump(include=set(REST)) | {"names": " ".join(result.names)}
    packed = {name: json.dumps(rest[name], sort_keys=True, separators=(",", ":")) for name in JSON}
    curve = json.dumps([[float(f"{value:.{SIGNIFICANT}g}") for value in point] for point in result.curve])
    return {**result.run.model_dump(), **scores, **rest, **packed, CURVE: curve}


def _result(record: Mapping[str, Any]) -> Result:
    if None in record.values():
        raise ValueError(f"the row of {record['method']} is cut off")
    names = record["names"].split()
    values = {metric: [float(value) for value in record[metric].split()] for metric in SCORE}
    by_image = zip(*values.values(), strict=True)
    scores = tuple(ImageScore(name, *numbers) for name, numbers in zip(names, by_image, strict=False))
    rest = {name: record[name] for name in REST} | {name: json.loads(record[name]) for name in JSON}
    rest[CURVE] = json.loads(record.get(CURVE) or "[]")
    run = RunId.model_validate({name: record[name] for name in RUN})
    return Result.model_validate(
        {**rest, "run": run, "status": "done", "scores": scores, "names": names, "commit": record["commit"] or None}
    )


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.{SIGNIFICANT}g}" for value in values)
