"""Comparison of predictions with references: metrics of each image, their mean, and the data range they depend on."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pellucid.data.source import Spec, open_source
from pellucid.errors import InputError
from pellucid.evaluation.metrics import psnr, ssim
from pellucid.evaluation.scale import Extent, scale_warnings
from pellucid.files import replacing
from pellucid.io.image import Plane
from pellucid.io.registry import split

Pair = tuple[str, ArrayLike, ArrayLike]
PlanePair = tuple[Plane, Plane]


@dataclass(frozen=True)
class Score:
    """The metrics of one image: PSNR in dB (infinite for identical images), SSIM with scikit-image's defaults."""

    name: str
    psnr: float
    ssim: float


@dataclass(frozen=True)
class Evaluation:
    """Scores of several images, with the data range on which PSNR and SSIM depend.

    Attributes:
        rows: one for each image.
        data_range: the range used for the scores.
        warnings: reasons why the scores may be meaningless, one line each.
    """

    rows: tuple[Score, ...]
    data_range: float
    warnings: tuple[str, ...] = ()

    @property
    def mean(self) -> Score:
        """The mean over images of each metric, under the name "mean"."""
        return Score("mean", _mean([row.psnr for row in self.rows]), _mean([row.ssim for row in self.rows]))

    def table(self) -> list[tuple[str, str, str]]:
        """Rows of text (name, PSNR in dB, SSIM), the mean last."""
        return [(row.name, f"{row.psnr:.2f}", f"{row.ssim:.4f}") for row in (*self.rows, self.mean)]

    def to_json(self) -> str:
        """Everything as JSON. The infinite PSNR of identical images is null, since JSON has no infinity."""
        rows, mean = [_for_json(row) for row in self.rows], _for_json(self.mean)
        return json.dumps({"data_range": self.data_range, "images": rows, "mean": mean}, indent=2, allow_nan=False)

    def to_csv(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write one line per image and one for the mean, each with the data range.

        Raises:
            InputError: the file exists and `overwrite` is not set, or may not be written.
            RunError: the disk is full.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", "psnr", "ssim", "data_range"])
        writer.writerows([row.name, row.psnr, row.ssim, self.data_range] for row in (*self.rows, self.mean))
        with replacing(Path(path), overwrite=overwrite) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8")


def data_range_of(dtype: DTypeLike) -> float:
    """The distance between the largest and the smallest value of an integer dtype: 255 for uint8.

    Raises:
        InputError: the dtype is floating-point, whose range only the user knows.
    """
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        raise InputError(f"the data range of {kind} images is not known: give it (for example 1 for images in [0, 1])")
    limits = np.iinfo(kind)
    return float(int(limits.max) - int(limits.min))


def evaluate_planes(pairs: Iterable[Pair], data_range: float) -> Evaluation:
    """Score predictions against references, with one pair in memory at a time.

    Args:
        pairs: (name, prediction, reference), the images (Y, X) and of equal shape.
        data_range: distance between the largest and the smallest possible value, the same for all images.

    Raises:
        InputError: no pairs, or a pair that cannot be compared, by name.
    """
    rows, predicted, true = [], Extent(), Extent()
    for name, prediction, reference in pairs:
        rows.append(_score(name, prediction, reference, data_range))
        predicted, true = predicted.including(prediction), true.including(reference)
    if not rows:
        raise InputError("there are no images to evaluate")
    return Evaluation(tuple(rows), float(data_range), tuple(scale_warnings(predicted, true, data_range)))


def evaluate_sources(
    prediction: Spec,
    reference: Spec,
    data_range: float | None = None,
    follow: Callable[[Sequence[PlanePair]], AbstractContextManager[Iterable[PlanePair]]] = nullcontext,
    word: str = "prediction",
) -> Evaluation:
    """Score the images of one source against those of another, plane by plane.

    Planes are matched by file name (without its extension) when both sources use the same names, and by their order
    when they share none.

    Args:
        prediction: file, folder, glob, array, or a list of these.
        reference: likewise, with as many planes.
        data_range: distance between the largest and the smallest possible value; None takes it from the dtype of the
            reference if that is an integer, and the predictions have it too or are floats.
        follow: hands on the pairs one by one for a block, as `report.terminal.progress_over` does.
        word: for one of the first images in messages, as in "baseline".

    Raises:
        InputError: sources that cannot be read or matched, shapes that differ, a data range that is not known.
    """
    predicted, true = open_source(prediction).planes, open_source(reference).planes
    matched = match_planes(predicted, true, (word, "reference"))
    if data_range is None:
        data_range = _common_data_range(true)
        _refuse_other_integers(predicted, true, word)
    with follow(matched) as followed:
        return evaluate_planes(_read_pairs(followed), data_range)


def match_planes(
    planes: Sequence[Plane], partners: Sequence[Plane], names: tuple[str, str] = ("prediction", "reference")
) -> list[tuple[Plane, Plane]]:
    """Pair the planes of two sources: by name if both use the same names, by order if they share none.

    Args:
        planes: planes of one source.
        partners: planes of the other.
        names: the words for a plane of each in messages.

    Raises:
        InputError: counts that differ, or names of which only some have a partner.
    """
    if len(planes) != len(partners):
        counts = [_counted(len(some), name) for some, name in zip((planes, partners), names, strict=True)]
        raise InputError(f"{counts[0]} but {counts[1]}: give the same number of both")
    by_key = {_key(plane): plane for plane in partners}
    keys = [_key(plane) for plane in planes]
    shared = by_key.keys() & set(keys)
    if not shared or len(by_key) < len(partners) or len(set(keys)) < len(keys):
        return list(zip(planes, partners, strict=True))
    if alone := [plane.name for plane, key in zip(planes, keys, strict=True) if key not in shared]:
        raise InputError(f"{names[0]} {alone[0]} has no {names[1]} of that name although {len(shared)} others have one")
    return [(plane, by_key[key]) for plane, key in zip(planes, keys, strict=True)]


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" + "s" * (number != 1)


def _key(plane: Plane) -> tuple[str, str]:
    """The key by which planes are paired: the file without folder and extension, and the position in it."""
    file, _, index = _split(plane.name)
    return re.sub(r"(\.ome)?\.\w+$", "", file), index


def _label(plane: Plane) -> str:
    return "".join(_split(plane.name))


def _split(name: str) -> tuple[str, str, str]:
    """`folder/stack.h5:/raw[3]` as file name `stack.h5`, path inside it `:/raw`, position `[3]`."""
    path, index = re.fullmatch(r"(.*?)(\[[\d,]+\])?", name, flags=re.DOTALL).groups(default="")  # type: ignore[union-attr]
    file, inner = split(path)
    return file.name, f":{inner}" if inner else "", index


def _common_data_range(planes: Sequence[Plane]) -> float:
    ranges = {data_range_of(plane.dtype) for plane in planes}
    if len(ranges) > 1:
        raise InputError("the reference images differ in dtype: give one data range for all")
    return ranges.pop() if ranges else 0.0


def _refuse_other_integers(predicted: Sequence[Plane], true: Sequence[Plane], word: str) -> None:
    """Raise InputError for two integer types, such as 8 and 16 bits, whose equal values mean different grey levels."""
    other = [plane for plane in predicted if plane.dtype.kind in "iu" and plane.dtype != true[0].dtype]
    if other and true[0].dtype.kind in "iu":
        raise InputError(
            f"{word} {other[0].name}: is {other[0].dtype}, but the reference {true[0].dtype}: convert one of "
            "them, or, if equal values mean equal grey levels, give the data range (--data-range)"
        )


def _read_pairs(matched: Iterable[tuple[Plane, Plane]]) -> Iterator[Pair]:
    return ((_label(predicted), predicted.read(), true.read()) for predicted, true in matched)


def _score(name: str, prediction: ArrayLike, reference: ArrayLike, data_range: float) -> Score:
    try:
        return Score(name, psnr(prediction, reference, data_range), ssim(prediction, reference, data_range))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _mean(values: Sequence[float]) -> float:
    return math.inf if math.inf in values else math.fsum(values) / len(values)


def _for_json(row: Score) -> dict[str, Any]:
    return {key: None if value == math.inf else value for key, value in asdict(row).items()}
