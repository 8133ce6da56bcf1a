from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import pellucid
from pellucid.inference import patch_statistics
from pellucid.methods import build_denoiser, make_recipe
from pellucid.model import Model
from pellucid.sharing.targets import ExportOptions, export_model

STUDENT = Path(__file__).parents[1] / "runs" / "fixtures" / "student.zip"


@pytest.fixture(scope="session")
def student():
    """A small trained student."""
    return pellucid.load(STUDENT, device="cpu")


@pytest.fixture(scope="session")
def onnx(student, tmp_path_factory):
    """The same as an ONNX file: it takes seconds to translate."""
    pytest.importorskip("onnxruntime")
    return export_model(student, tmp_path_factory.mktemp("onnx") / "student.onnx", ExportOptions(licence="CC0-1.0"))


@pytest.fixture
def untrained(student):
    """A model of any recipe with its first weights, as if it had been trained."""

    def make(name, **settings):
        recipe = make_recipe(name, "quick", settings)
        denoiser = build_denoiser(recipe)
        found = Model(recipe, denoiser, student.intensity_range, student.dtype, device="cpu")
        found._stored = student.stored._replace(
            recipe=recipe, settings=recipe.model_dump(exclude_none=True), denoiser=denoiser, trained=_trained(denoiser)
        )
        return found

    return make


def _trained(denoiser):
    return patch_statistics(denoiser, torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1)


@pytest.fixture
def tissue():
    """A noisy image of any size."""

    def make(*shape):
        return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)

    return make
