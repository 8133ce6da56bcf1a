"""What `pellucid denoise --json` prints: the model, and each file that was written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.assessment.assess import Assessment
    from pellucid.blockwise.denoised_files import DenoisedFile
    from pellucid.evaluation import RemovedNoise
    from pellucid.model import Model


def model_values(model: Model) -> dict[str, Any]:
    """Return what denoised, and where."""
    return {
        "model": model.name,
        "recipe": model.recipe.name,
        "variant": model.variant,
        "digest": model.digest if model.trained is not None else None,
        "device": {"name": str(model.device.torch), "why": model.device.reason},
    }


def files_values(files: Sequence[DenoisedFile], warned: Sequence[str], failed: str | None) -> Mapping[str, Any]:
    """Return what was written and all that was warned of; `failed` says what was not written, if anything."""
    from pellucid.blockwise.denoised_files import warnings_of  # here: help needs no torch

    return {"files": [_values(file) for file in files], "warnings": [*warned, *warnings_of(files)], "failed": failed}


def trust_values(found: Assessment | None) -> dict[str, Any]:
    """Return the assessment, if one was asked for."""
    from pellucid.assessment.page import as_values  # here: it needs SciPy, which denoising does not

    return {"trust": as_values(found)} if found is not None else {}


def _values(file: DenoisedFile) -> dict[str, Any]:
    return {
        "source": file.source,
        "path": file.path,
        "pixels": file.clipped.pixels,
        "clipped": file.clipped.clipped,
        "not_finite": file.missing,
        "padding": file.kept,
        "removed": _removed_values(file.removed),
        "notes": file.notes,
    }


def _removed_values(removed: RemovedNoise) -> dict[str, float | None]:
    return {
        "mean_before": removed.noisy_mean,
        "mean_after": removed.denoised_mean,
        "deviation_before": removed.noisy_deviation,
        "deviation_after": removed.denoised_deviation,
        "deviation_removed": removed.deviation,
        "contrast": removed.contrast if math.isfinite(removed.contrast) else None,
        "correlation": removed.correlation,
    }
