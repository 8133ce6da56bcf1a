"""What each part of noise transfer is worth: quality without it, after the same number of steps.

The images of a folder, sorted by name, are divided into clean ones, ones that are noisy in training, and ones for
testing; noise is simulated. Settings may be chosen by this, if no table of results uses the images for testing.

    python performance/noise_transfer.py FOLDER [--noise film charge] [--without nothing correction shading flattest]
        [--clean OTHER] [--contrast 0.85] [--psnr 32] [--steps 550] [--seeds 0 1]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from _results import parser, show
from numpy.typing import NDArray
from student import Pairs, channels_last

from pellucid.data.patches import Patches, RandomBatches
from pellucid.data.source import open_source
from pellucid.evaluation.metrics import psnr, ssim
from pellucid.methods import build, make_recipe
from pellucid.methods.noise_model import model
from pellucid.methods.noise_model.shading import Shading
from pellucid.methods.noise_model.spectrum import spectrum
from pellucid.methods.noise_transfer import NoiseTransfer
from pellucid.simulation.noise import simulate, strength_for_psnr
from pellucid.training import Training

Images = list[NDArray[np.float32]]

NOTHING = "nothing"
WITHOUT: dict[str, Callable[[], Any]] = {
    NOTHING: lambda: patch.object(model, "SPREAD", model.SPREAD),
    "correction": lambda: patch.object(model.NoiseModel, "correct", lambda _: None),
    "shading": lambda: patch.object(Shading, "settle", lambda *_: None),
    "flattest": lambda: patch.object(model, "flattest_spectrum", spectrum),
}
"""Parts that can be left out, each with what leaves it out within a block."""


def read(folder: Path, counts: list[int], options: argparse.Namespace, noise: str) -> tuple[Images, Images, Pairs]:
    """The clean images, the noisy ones, and the pairs for testing, in [−1, 1]."""
    images = np.stack([plane.read() for plane in open_source(folder).planes[: sum(counts)]])
    clean, truth = list(images[: counts[0]]), images[counts[0] :]
    if options.clean:
        clean = [plane.read() for plane in open_source(options.clean).planes]
    strength = strength_for_psnr(truth, noise, options.psnr, 777) if options.psnr else None
    noisy = simulate(truth, noise, strength, seed=777)
    pairs = Pairs(*(torch.from_numpy(normalized(kind[counts[1] :])) for kind in (noisy, truth)))
    return (
        [contrasted(normalized(image), options.contrast) for image in clean],
        list(normalized(noisy[: counts[1]])),
        pairs,
    )


def normalized(grey: NDArray[Any]) -> NDArray[np.float32]:
    """Grey levels of 8 bits in [−1, 1]."""
    return np.asarray(grey, np.float32) / np.float32(127.5) - np.float32(1)


def contrasted(image: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """The image with its contrast about the mean multiplied."""
    return np.asarray(image.mean() + factor * (image - image.mean()), np.float32)


def train(clean: Images, noisy: Images, steps: int, seed: int) -> NoiseTransfer:
    """Train on one thread."""
    method = build(make_recipe("noise-transfer", "quick", {"steps": steps, "seed": seed}))
    assert isinstance(method, NoiseTransfer)
    training = Training(method, torch.device("cpu"))
    kinds = {"clean": clean, "noisy": noisy}
    patches = {kind: Patches(images, lambda pixels: pixels, method.recipe.patch) for kind, images in kinds.items()}
    batches = RandomBatches(patches, method.recipe.batch, seed, upright=method.upright)
    for number in range(1, steps + 1):
        training.step(batches(number))
    return method


@torch.no_grad()
def quality(method: NoiseTransfer, pairs: Pairs) -> dict[str, float]:
    """Means over images of PSNR, SSIM and the offset of the mean in grey levels, and that of single images."""
    rows = []
    for noisy, truth in zip(pairs.noisy, pairs.truth, strict=True):
        denoised = method.denoiser(channels_last(noisy[None, None]))[0, 0]
        result, expected = ((image.double().numpy() + 1) * 127.5 for image in (denoised, truth))
        rows.append((psnr(result, expected, 255), ssim(result, expected, 255), float((result - expected).mean())))
    offsets = {"lowest offset": min(row[2] for row in rows), "highest offset": max(row[2] for row in rows)}
    return dict(zip(("PSNR", "SSIM", "offset"), np.mean(rows, axis=0).tolist(), strict=True)) | offsets


def main() -> None:
    """Train with everything and without each part."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path, help="clean 8-bit images of one size, sides multiples of 8")
    arguments.add_argument("--images", type=int, nargs=3, default=[12, 12, 6], help="clean, noisy, for testing")
    arguments.add_argument("--noise", nargs="+", default=["film", "charge"])
    arguments.add_argument("--psnr", type=float, help="of the noisy images; by default the noise's usual strength")
    arguments.add_argument("--clean", type=Path, help="other clean images")
    arguments.add_argument("--contrast", type=float, default=1.0, help="factor of the clean images' contrast")
    arguments.add_argument("--without", nargs="+", default=list(WITHOUT), choices=WITHOUT)
    arguments.add_argument("--steps", type=int, default=550)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = arguments.parse_args()
    torch.set_num_threads(1)
    rows = []
    for noise in options.noise:
        clean, noisy, pairs = read(options.folder, options.images, options, noise)
        for part in options.without:
            for seed in options.seeds:
                began = time.process_time()
                with WITHOUT[part]():
                    method = train(clean, noisy, options.steps, seed)
                taken = {"CPU s": time.process_time() - began}
                rows.append({"noise": noise, "without": part, "seed": seed, **quality(method, pairs), **taken})
                print(rows[-1], flush=True)
    show(f"Noise transfer after {options.steps} steps", rows, options)


if __name__ == "__main__":
    main()
