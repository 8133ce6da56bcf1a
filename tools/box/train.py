"""Train the model in the box from clean images alone, with noise of many kinds.

    python tools/box/train.py IMAGES --out em.zip [--start other.zip]

IMAGES holds folders of clean images, one for each specimen, and `noise_sem_resin`, images of noise alone; `TRAINED_ON`
says which of them are used. What it does not name is kept for measuring. Stopped, the same command goes on.
`--start` begins with the weights of another model of this tool.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from examples import Examples, Specimen
from numpy.typing import NDArray

from pellucid.allocator import keep_freed_memory
from pellucid.api import load
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.methods import make_recipe
from pellucid.methods.student import Student, learn
from pellucid.runs.model_zip import new_model_store
from pellucid.runs.origin import Amount, Origin
from pellucid.runs.stored_model import StoredModel
from pellucid.simulation.phantom import tissue
from pellucid.version import __version__

TRAINED_ON = {
    "sem_myelin": ("sub-rat[13]*.png", (0.4, 1.2)),
    "tem_neutrophil": ("ASD027_003_*.png", (0.3, 1.0)),
}
"""Which images of each folder, and their magnification: two animals and a frame are kept out, and `sem_drosophila`."""
PHANTOMS, PHANTOM_SIDE, PHANTOM_SCALES = 48, 320, (0.5, 1.5)
BATCH, PATCH, WIDTH = 8, 96, 32
SAVE_EVERY = 120.0
"""Seconds between two saved states."""
DESCRIPTION = (
    "A student that has seen many kinds of noise (film, charging, Poisson-Gaussian, line, captured and correlated "
    "noise of 10 to 35 dB) on many kinds of clean images: Pellucid's phantom, SEM of rat nerves "
    "(axondeepseg/data_axondeepseg_sem, MIT licence) and TEM of neutrophils (MedImagingAI, TEM-NeutroStruct, MIT "
    "licence), with captured noise of empty resin (ajbrookhouse/WSU_PlantBio_ML, MIT licence). Made with "
    "tools/box/train.py, as docs/box.md says."
)
MEASURES = Path(__file__).with_name("measures.txt")
"""What was measured of the model that is in the box, for its card; write it anew after a training."""


def main() -> None:
    """Train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, metavar="MODEL")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--rate", type=float, default=1e-2, help="of Muon at its highest")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    keep_freed_memory()
    specimens = _specimens(options.images)
    resin = _read(options.images / "noise_sem_resin", "*.png")
    method = _method(options.steps, options.rate, options.seed)
    if options.start:
        method.denoiser.load_state_dict(load(options.start).denoiser.state_dict())
    state = options.out.with_suffix(".state.pt")
    number = _restored(method, state)
    examples = Examples(specimens, resin, PATCH)
    _train(method, examples, number, state)
    _write(method, specimens, options.out)


def _method(steps: int, rate: float, seed: int) -> Student:
    settings = {"width": WIDTH, "batch": BATCH, "patch": PATCH, "steps": steps, "learning_rate": rate, "seed": seed}
    torch.manual_seed(seed)
    method = Student(make_recipe("student", "paper", settings))  # type: ignore[arg-type]
    return method.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _train(method: Student, examples: Examples, number: int, state: Path) -> None:
    recipe, saved, began, first = method.recipe, time.monotonic(), time.monotonic(), number
    method.train()
    while number < recipe.steps:
        pairs = [examples.pair(recipe.seed, number * BATCH + each) for each in range(BATCH)]
        noisy, truth = (torch.from_numpy(np.stack(part))[:, None] * 2 - 1 for part in zip(*pairs, strict=True))
        number += 1
        _, losses = learn(method.denoiser, method.optimiser, noisy, truth, number)
        if time.monotonic() - saved > SAVE_EVERY or number == recipe.steps:
            saved = time.monotonic()
            _save(method, number, state)
            left = (saved - began) / (number - first) * (recipe.steps - number)
            error = float(losses["error"])
            print(f"step {number}/{recipe.steps}, error {error:.4f}, {left / 60:.0f} min left", flush=True)


def _save(method: Student, number: int, path: Path) -> None:
    state = {"number": number, "method": method.state_dict(), "optimiser": method.optimiser.state_dict()}
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def _restored(method: Student, path: Path) -> int:
    """Take up a saved state; return the number of steps taken."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    method.load_state_dict(state["method"])
    method.optimiser.load_state_dict(state["optimiser"])
    return int(state["number"])


def _write(method: Student, specimens: list[Specimen], out: Path) -> None:
    images = [image for specimen in specimens for image in specimen.images]
    measures = MEASURES.read_text(encoding="utf-8").strip()
    amounts = {"clean": Amount(len(images), int(sum(image.size for image in images)))}
    stored = StoredModel(
        recipe=method.recipe,
        settings=method.recipe.model_dump(exclude_none=True),
        weights="last",
        denoiser=method.denoiser.eval(),
        intensity_range=IntensityRange.from_limits(0, 255),
        dtype=None,
        trained=[{} for _ in method.denoiser.networks()],  # it has no norms
        structure=None,
        origin=Origin(__version__, amounts, "Apache-2.0", DESCRIPTION, ("The Pellucid authors",), measures),
    )
    with new_model_store(out, overwrite=True) as store:
        store.write(stored)


def _specimens(folder: Path) -> list[Specimen]:
    phantoms = [
        tissue((PHANTOM_SIDE, PHANTOM_SIDE), seed=1000 + number, polarity="light" if number % 4 == 3 else "dark")
        for number in range(PHANTOMS)
    ]
    real = [Specimen(_read(folder / name, pattern), scales) for name, (pattern, scales) in TRAINED_ON.items()]
    return [Specimen(phantoms, PHANTOM_SCALES), *real]


def _read(folder: Path, pattern: str) -> list[NDArray[np.uint8]]:
    return [np.asarray(plane.read()) for plane in open_source(str(folder / pattern)).planes]


if __name__ == "__main__":
    main()
