"""Is the state that a training keeps the best one? Expected PSNR on pseudo-pairs beside the true PSNR, at every look.

The images of a folder, sorted by name, are divided into clean ones, ones that are noisy in training, and ones for
testing; noise is simulated. For each training: what keeping the chosen state costs against the best of the states that
were looked at, in dB, and the rank correlation of expected and true PSNR over these states.

    python performance/best_state.py FOLDER [--noise film charge] [--recipes noise-transfer proposed] [--steps 600]
        [--seeds 0 1 2]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _results import parser, show
from noise_transfer import normalized
from numpy.typing import NDArray
from scipy.stats import spearmanr

from pellucid.assessment.keep_best import LOOKS, KeepBest, keep_best
from pellucid.data.source import open_source
from pellucid.evaluation import psnr
from pellucid.io.image import Plane
from pellucid.methods import make_recipe
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.simulation.noise import simulate
from pellucid.training import Training

Images = NDArray[np.uint8]


class TrueQuality(KeepBest):
    """Judges as a training does, and notes the true PSNR of every state as well."""

    def __init__(self, run: Run, judge: KeepBest, noisy: Images, truth: Images) -> None:
        super().__init__(run, judge._pairs)
        self.noisy, self.truth = noisy, truth
        self.true: dict[tuple[int, str], float] = {}

    def act(self, training: Training) -> None:
        """Judge, and score the test images."""
        for which, denoiser in self.denoisers(training).items():
            self.true[training.number, which] = self._score(denoiser)
        super().act(training)

    def _score(self, denoiser: torch.nn.Module) -> float:
        scores = []
        with torch.inference_mode():
            for noisy, truth in zip(self.noisy, self.truth, strict=True):
                result = denoiser(torch.from_numpy(normalized(noisy))[None, None])[0, 0].numpy()
                scores.append(psnr(result, normalized(truth), 2))
        return float(np.mean(scores))


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
    noisy = simulate(rest, noise, seed=777)
    training, test = noisy[: options.images[1]], noisy[options.images[1] :]
    judges: list[TrueQuality] = []

    def judge(run: Run, settings: Any, held: Mapping[str, Sequence[Plane]], ranges: Any) -> KeepBest | None:
        found = keep_best(run, settings, held, ranges)
        if found is not None:
            judges.append(TrueQuality(run, found, test, rest[options.images[1] :]))
        return judges[-1]

    chosen = make_recipe(recipe, "quick", {"steps": options.steps, "seed": seed})
    with tempfile.TemporaryDirectory() as folder:
        sources = {"clean": list(clean), "noisy": list(training)}
        run = trainer.train(sources, Path(folder) / "run", chosen, "cpu", judge=judge)
        looks = {(look["step"], look["weights"]): look["psnr"] for look in run.looks()}
    true = judges[0].true
    best = max(looks, key=lambda state: looks[state])
    return {
        "chosen": f"{best[1]} {best[0]}",
        "expected": round(looks[best], 2),
        "true": round(true[best], 2),
        "loss": round(max(true.values()) - true[best], 2),
        "rank": round(float(spearmanr([looks[state] for state in true], list(true.values())).statistic), 2),
    }


def _options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--noise", nargs="+", default=["film", "charge"])
    arguments.add_argument("--recipes", nargs="+", default=["noise-transfer", "proposed"])
    arguments.add_argument("--images", type=int, nargs=3, default=(16, 16, 6), help="clean, noisy, for testing")
    arguments.add_argument("--steps", type=int, default=600, help=f"of each training, judged {LOOKS} times")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    return arguments.parse_args()


if __name__ == "__main__":
    main()
