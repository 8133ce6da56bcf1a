"""What a method learns from in a fold of a case."""

from __future__ import annotations

from typing import Any

from pellucid.benchmark.dataset_files import CaseFiles
from pellucid.benchmark.folds import Fold
from pellucid.methods import Method, Supervision


def lacking(method: type[Method[Any]], files: CaseFiles) -> str | None:
    """Why a method cannot learn from a case; None if it can."""
    if "pairs" in method.kinds and not files.truth:
        return "it learns from pairs, and real noisy images have no truth"
    if "pairs" in method.kinds and method.supervision is Supervision.NOISY_PAIRS and "copy" not in files.names:
        return "it learns from two noisy copies, which only simulated noise has"
    if "noise" in method.kinds and "noise" not in files.names:
        return "it learns from images of noise alone, and there is no noise/"
    return None


def sources_of(method: type[Method[Any]], files: CaseFiles, fold: Fold, *, half: bool = False) -> dict[str, list[str]]:
    """Files that a method learns from in a fold, by kind.

    Noisy and clean images come from two halves that share nothing, so that none is learned from both clean and noisy;
    methods that learn from pairs get all images of the fold but those of the test, unless only the noisy half's are
    wanted. Images of noise alone are those of no test image.
    """
    paired = "pairs" in method.kinds
    noisy = fold.training if paired and not half else fold.noisy
    found: dict[str, list[str]] = {}
    for kind in method.kinds:
        if kind == "noisy":
            found[kind] = files.paths("noisy", noisy)
        elif kind == "clean":
            found[kind] = files.paths("clean", fold.clean)
        elif kind == "pairs":
            partner = "copy" if method.supervision is Supervision.NOISY_PAIRS else "clean"
            found[kind] = files.paths(partner, noisy)
        elif kind == "noise":
            found[kind] = files.paths("noise", noise_indices(files, fold))
    return found


def noise_indices(files: CaseFiles, fold: Fold) -> list[int]:
    """Images of noise that are in no test image; if nobody knows which is where, one fold's share is held back too."""
    count = len(files.names["noise"])
    if not files.truth:
        return list(range(count))
    of_test = {files.noise_of[index] for index in fold.test} if files.noise_of else {i % count for i in fold.test}
    return [index for index in range(count) if index not in of_test]
