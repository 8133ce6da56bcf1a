"""The effect of padding on the tissue beside it: mean and deviation with padding left out, and counted as image.

Phantom tissue with film noise is put on black canvases of some shares of the picture, and above a black data bar of
7 %. Each is denoised by a model that has learned a few steps from phantoms, as Pellucid does it (padding counts for
nothing) and as the network alone would (padding is image). Grey levels of 255; *change* is the mean absolute
difference from the same tissue denoised without padding.

Then what is taken for padding where there is none, in low doses and in clipped images, in percent of all pixels.

    python performance/padding.py [--model RUN] [--steps 60] [--side 256]
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import parser, publish
from numpy.typing import NDArray

from pellucid import train
from pellucid.data.padding import is_padding
from pellucid.inference import View, denoise_plane
from pellucid.model import Model
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

Plane = NDArray[Any]
SHARES = (0.11, 0.27, 0.49)
BAR = 0.07
PLENTY = 1e15
STRIDE = 4
"""Widths of canvases are multiples of it, so that the grid of the networks does not move in the tissue."""


def main() -> None:
    """Measure both."""
    arguments = parser(__doc__)
    arguments.add_argument("--model", type=Path, help="a run for 8-bit images, instead of learning")
    arguments.add_argument("--steps", type=int, default=60)
    arguments.add_argument("--side", type=int, default=256)
    options = arguments.parse_args()
    model = Model.load(options.model) if options.model else learn(options.steps)
    noisy = simulate(tissue((options.side, options.side), seed=77), "film", seed=77)
    tables = {
        "tissue beside padding, in grey levels": [*beside_padding(model, noisy)],
        "taken for padding where there is none": [*false_alarms(options.side)],
    }
    publish(tables, options)


def learn(steps: int) -> Model:
    """A model after a short training on other phantoms than the one that is denoised."""
    clean = [tissue((256, 256), seed=seed) for seed in range(8)]
    noisy = [simulate(tissue((256, 256), seed=seed), "film", seed=seed) for seed in range(8, 16)]
    with tempfile.TemporaryDirectory() as folder:
        return train(clean, noisy, Path(folder) / "run", steps=steps, width=8, batch=2, patch=64)


def beside_padding(model: Model, noisy: Plane) -> Iterator[Mapping[str, Any]]:
    """A row for the tissue alone, and one for each kind of padding."""
    alone = denoised(model, noisy)
    yield row("none", alone, alone, as_image(model, noisy), 0)
    for share in SHARES:
        width = round(share / (1 - share) * noisy.shape[1] / STRIDE) * STRIDE
        padded = np.pad(noisy, ((0, 0), (width, 0)))
        yield row(f"canvas, {100 * share:.0f} %", alone, *both(model, padded, np.s_[:, width:]))
    height = round(BAR / (1 - BAR) * len(noisy))
    yield row(f"bar, {100 * BAR:.0f} %", alone, *both(model, np.pad(noisy, ((0, height), (0, 0))), np.s_[: len(noisy)]))


def both(model: Model, padded: Plane, at: tuple[slice, ...] | slice) -> tuple[Plane, Plane, float]:
    """The tissue with padding left out of all statistics and counted in them; the greatest value in the padding."""
    done, once = denoised(model, padded), as_image(model, padded)
    kept = np.ones(padded.shape, bool)
    kept[at] = False
    return done[at], once[at], float(np.abs(done[kept]).max())


def row(padding: str, alone: Plane, tissue: Plane, once: Plane, padding_now: float) -> dict[str, Any]:
    """One row of the table."""
    return {
        "padding": padding,
        "mean": float(tissue.mean()),
        "standard deviation": float(tissue.std()),
        "change": float(np.abs(tissue - alone).mean()),
        "padding becomes": padding_now,
        "mean as image": float(once.mean()),
        "standard deviation as image": float(once.std()),
        "change as image": float(np.abs(once - alone).mean()),
    }


def denoised(model: Model, noisy: Plane) -> Plane:
    """The picture denoised, its padding kept, in float."""
    done = denoise_plane(model.denoiser, model.intensity_range.normalize(noisy), PLENTY)
    return np.where(done.valid, model.intensity_range.denormalize(done.image), noisy)


@torch.no_grad()
def as_image(model: Model, noisy: Plane) -> Plane:
    """The picture denoised with its padding counted as image."""
    unit = model.intensity_range.normalize(noisy)
    view = View.of_array(unit, model.denoiser.stride)
    mirrored = [(0, view.height - unit.shape[0]), (0, view.width - unit.shape[1])]
    x = torch.from_numpy(np.pad(unit, mirrored, mode="symmetric"))[None, None]
    done = model.denoiser(x.contiguous(memory_format=torch.channels_last))[0, 0].numpy()
    return model.intensity_range.denormalize(done)[: unit.shape[0], : unit.shape[1]]


def false_alarms(side: int) -> Iterator[Mapping[str, Any]]:
    """A row for each kind of image that has many equal pixels by chance."""
    random = np.random.default_rng(0)
    truth = [tissue((side, side), seed=seed).astype(np.float64) for seed in range(4)]
    for dose in (10, 1, 0.1, 0.05, 0.02):
        counts = [random.poisson(image / image.mean() * dose) for image in truth]
        yield alarms(f"Poisson, {dose:g} counts a pixel", counts)
    for clipped in (1, 10, 25, 50):
        noisy = [image + random.normal(0, 20, image.shape) for image in truth]
        levels = [np.percentile(image, clipped) for image in noisy]
        images = [np.clip(image - level, 0, 255).round() for image, level in zip(noisy, levels, strict=True)]
        yield alarms(f"noise of 20 grey levels, {clipped} % clipped at black", images)


def alarms(name: str, images: list[Plane]) -> dict[str, Any]:
    """The share that is taken for padding, in percent."""
    return {"image": name, "padding (%)": 100 * float(np.mean([is_padding(image).mean() for image in images]))}


if __name__ == "__main__":
    main()
