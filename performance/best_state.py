"""Is the state that a training keeps the best one? Expected PSNR on pseudo-pairs beside the true PSNR, at every look.

The images of a folder, sorted by name, are divided into clean ones, ones that are noisy in training, and ones for
testing; noise is simulated. No training is ended early, so that it is seen what that would cost. For each one:

- loss: what keeping the chosen state costs against the best of the states that were looked at, in dB;
- stopped, loss by it: the step at which the training would have ended, and what that would have cost;
- rank: rank correlation of expected and true PSNR over the states;
- looks share: share of the seconds that the judging took (the true scores do not count);
- MiB: resident memory at the second look, and at the last; files: bytes of the run's folder, likewise.

    python performance/best_state.py FOLDER [--noise film charge] [--recipes noise-transfer proposed] [--steps 600]
        [--seeds 0 1 2] [--set batch=2 patch=64]
        [--noise-images NOISE]

NOISE holds images of noise alone, for `--noise captured`, which is as strong as noise of 19 dB.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from _process import resident
from _results import parser, show
from noise_transfer import normalized
from numpy.typing import NDArray
from scipy.stats import spearmanr

from pellucid.assessment.keep_best import LOOKS, KeepBest, keep_best
from pellucid.assessment.pseudo_pairs import Pairs
from pellucid.cli.options import parse_settings
from pellucid.data.source import open_source
from pellucid.evaluation import psnr
from pellucid.io.image import Plane
from pellucid.methods import make_recipe
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.simulation.noise import simulate, strength_for_psnr
from pellucid.training import Training

Images = NDArray[np.uint8]
State = tuple[int, str]
"""The number of steps, and "last" or "average"."""


class Size(NamedTuple):
    """Resident MiB of the process, and MiB of the run's folder."""

    memory: float
    files: float


class Watched(KeepBest):
    """Judges as a training does and never ends it; notes the true PSNR of every state, and what judging takes."""

    def __init__(self, run: Run, pairs: Pairs, noisy: Images, truth: Images) -> None:
        super().__init__(run, pairs)
        self._test, self._truth = noisy, truth
        self.true: dict[State, float] = {}
        self.sizes: list[Size] = []
        self.would_stop: int | None = None
        self.judging = self.scoring = 0.0

    def act(self, training: Training) -> None:
        """Judge, and score the test images."""
        began = perf_counter()
        super().act(training)
        judged = perf_counter()
        for which, denoiser in self.denoisers(training).items():
            self.true[training.number, which] = self._score(denoiser)
        files = sum(path.stat().st_size for path in self.run.path.rglob("*") if path.is_file())
        self.sizes.append(Size(resident() / 2**20, files / 2**20))
        self.judging += judged - began
        self.scoring += perf_counter() - judged
        newest = {which: round(value, 2) for (step, which), value in self.true.items() if step == training.number}
        print(training.number, newest, self.sizes[-1], flush=True)

    def _score(self, denoiser: torch.nn.Module) -> float:
        scores = []
        with torch.inference_mode():
            for noisy, truth in zip(self._test, self._truth, strict=True):
                result = denoiser(torch.from_numpy(normalized(noisy))[None, None])[0, 0].numpy()
                scores.append(psnr(result, normalized(truth), 2))
        return float(np.mean(scores))

    def _nothing_gained(self, training: Training) -> bool:
        if self.would_stop is None and super()._nothing_gained(training):
            self.would_stop = training.number
        return False


def main() -> None:
    """Train and show."""
    options = _options()
    rows = []
    for noise in options.noise:
        for recipe in options.recipes:
            for seed in options.seeds:
                rows.append({"noise": noise, "recipe": recipe, "seed": seed, **_one(options, noise, recipe, seed)})
                print(rows[-1], flush=True)
    show("the state that is kept", rows, options)


def _one(options: argparse.Namespace, noise: str, recipe: str, seed: int) -> dict[str, Any]:
    images = np.stack([plane.read() for plane in open_source(options.folder).planes[: sum(options.images)]])
    clean, rest = images[: options.images[0]], images[options.images[0] :]
    noisy = simulate(rest, noise, seed=777, **_captured(options, rest) if noise == "captured" else {})
    training, test = noisy[: options.images[1]], noisy[options.images[1] :]
    judges: list[Watched] = []

    def judge(run: Run, settings: Any, held: Mapping[str, Sequence[Plane]], ranges: Any) -> KeepBest | None:
        found = keep_best(run, settings, held, ranges)
        if found is not None:
            judges.append(Watched(run, found._pairs, test, rest[options.images[1] :]))
        return judges[-1]

    chosen = make_recipe(recipe, "quick", {**parse_settings(options.set), "steps": options.steps, "seed": seed})
    with tempfile.TemporaryDirectory() as folder:
        sources = {"clean": list(clean), "noisy": list(training)}
        began = perf_counter()
        run = trainer.train(sources, Path(folder) / "run", chosen, "cpu", judge=judge)
        seconds = perf_counter() - began
        looks = {(look["step"], look["weights"]): look["psnr"] for look in run.looks()}
    return {**_found(looks, judges[0]), "looks share": judges[0].judging / (seconds - judges[0].scoring)}


def _captured(options: argparse.Namespace, clean: Images) -> dict[str, Any]:
    """Images of noise alone, added, as strong as noise of 19 dB."""
    noise = [np.float32(plane.read()) / 255 for plane in open_source(options.noise_images).planes]
    how: dict[str, Any] = {"noise_images": noise, "how": "add"}
    return {"strength": strength_for_psnr(clean, "captured", 19, **how), **how}


def _found(looks: Mapping[State, float], judge: Watched) -> dict[str, Any]:
    """What the state that was kept is worth, and what would have been kept of a training that was ended."""
    true, end = judge.true, judge.would_stop
    kept = max(looks, key=lambda state: looks[state])
    seen = max((state for state in looks if end is None or state[0] <= end), key=lambda state: looks[state])
    best = max(true.values())
    sizes = judge.sizes[min(1, len(judge.sizes) - 1)], judge.sizes[-1]
    return {
        "kept": f"{kept[1]} {kept[0]}",
        "expected": round(looks[kept], 2),
        "true": round(true[kept], 2),
        "loss": round(best - true[kept], 2),
        "stopped": end or 0,
        "loss by it": round(true[kept] - true[seen], 2),
        "rank": round(float(spearmanr([looks[state] for state in true], list(true.values())).statistic), 2),
        "MiB": " → ".join(f"{size.memory:.0f}" for size in sizes),
        "files, MiB": " → ".join(f"{size.files:.1f}" for size in sizes),
    }


def _options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--noise", nargs="+", default=["film", "charge"])
    arguments.add_argument("--noise-images", help="a folder of noise alone")
    arguments.add_argument("--recipes", nargs="+", default=["noise-transfer", "proposed"])
    arguments.add_argument("--images", type=int, nargs=3, default=(16, 16, 6), help="clean, noisy, for testing")
    arguments.add_argument("--steps", type=int, default=600, help=f"of each training, judged {LOOKS} times")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument("--set", nargs="+", metavar="NAME=VALUE", help="settings of the trainings")
    return arguments.parse_args()


if __name__ == "__main__":
    main()
