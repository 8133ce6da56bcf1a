"""Which state of a training is best, judged on parts of the images that it did not learn from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
import torch

from pellucid.assessment.pseudo_pairs import Images, Pairs, Stacks, cut_pairs, make_pseudo_pairs, read_crops
from pellucid.assessment.quality import quality, quality_of_noisy
from pellucid.assessment.stacks import read_seen
from pellucid.assessment.tone import tone
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.neighbours import neighbours_among
from pellucid.errors import InputError
from pellucid.files import write_text
from pellucid.io.image import Plane
from pellucid.launch import share
from pellucid.methods import Denoiser
from pellucid.methods.slices import slices_of
from pellucid.recipe import LearningRecipe
from pellucid.report import terminal
from pellucid.runs.callbacks import Periodic
from pellucid.runs.folder import Run
from pellucid.training import Batches, Training

LOOKS = 20
"""Number of states of a training that are judged."""
EVERY = 60.0
"""Seconds after which a state is judged at the latest."""
PAIRS, SIDE = 12, 128
"""Number of pairs on which they are judged, and their side in pixels."""
LARGEST = 1024
"""Side of the part of a held-out pair that is read, in pixels."""
GAIN = 0.02
"""Gain of PSNR, in dB, that counts."""
HALF, WITHOUT_GAIN = 0.5, 0.3
"""A training ends early when this share of its steps is over, and the other share has passed without a gain."""
DRIFT, CONTRAST = 0.08, 0.2
"""Largest error of mean brightness, in units of [−1, 1], and of contrast, relative, of a state that may be kept."""


@dataclass(frozen=True)
class Look:
    """What a state was judged by.

    Attributes:
        step: number of steps taken.
        weights: "last" or "average".
        psnr: mean over the pairs, in dB.
        offset: error of mean brightness.
        contrast: of places, as a multiple of that of the truth.
        fits: whether brightness, contrast and polarity are right.
        noisy: PSNR of the noisy images themselves; None in runs from before it was noted.
    """

    step: int
    weights: str
    psnr: float
    offset: float
    contrast: float
    fits: bool
    noisy: float | None = None

    @property
    def worse_than_noisy(self) -> bool:
        """Whether the noisy images are better than the results."""
        return self.noisy is not None and self.psnr < self.noisy

    def better_than(self, other: Look | None, gain: float = 0.0) -> bool:
        """Whether it is to be preferred: a state that fits to one that does not, then that of the higher PSNR."""
        if other is None or self.fits != other.fits:
            return other is None or self.fits
        return self.psnr > other.psnr + gain


def best_look(run: Run) -> Look | None:
    """Return what the best state of a run was judged by; None if its training was not judged."""
    best: Look | None = None
    for values in run.looks():
        look = Look(**values)
        best = look if look.better_than(best) else best
    return best


class KeepBest(Periodic):
    """Judges the training now and then, keeps the best weights, and ends it when nothing is gained any more.

    Args:
        run: folder of the run.
        pairs: noisy images and truth that the training does not see.
    """

    def __init__(self, run: Run, pairs: Pairs) -> None:
        super().__init__(run, repeat(EVERY))
        self._pairs = pairs
        self._best: Look | None = None
        self._gain: Look | None = None
        """The last state that was better by what counts than the one of which this was said before."""

    @cached_property
    def _of_noisy(self) -> float:
        """PSNR of the noisy images themselves."""
        return float(quality_of_noisy(self._pairs).psnrs.mean())

    def on_start(self, training: Training, batches: Batches) -> None:
        """Take up what was found before a stop."""
        super().on_start(training, batches)
        known = [look for look in self.run.looks() if look["step"] <= training.number]
        write_text(self.run.choice, "".join(json.dumps(look) + "\n" for look in known))
        for look in known:
            self._take(Look(**look))

    def period(self, recipe: LearningRecipe) -> int:
        """Return the number of steps between two looks."""
        return max(1, recipe.steps // LOOKS)

    def act(self, training: Training) -> None:
        """Judge the present states."""
        for which, denoiser in self.denoisers(training).items():
            look = self._look(training.number, which, denoiser)
            if self._take(look):
                self.run.save_weights("best", denoiser.state_dict(), training.number)
                self.run.save_statistics("best", self.statistics(denoiser))
            with self.run.choice.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(look)) + "\n")
        recipe = training.method.recipe
        if training.number < recipe.steps and self._nothing_gained(training) and share().size == 1:
            terminal.say(f"stopped early after {training.number} steps: nothing gained since step {self._gained_at}")
            training.change_steps(training.number)
            self.run.change(training.method.recipe)

    def on_end(self) -> None:
        """Say what was chosen."""
        if self._best is not None:
            best = self._best
            terminal.say(
                f"best: {best.weights} weights of step {best.step}, {best.psnr:.2f} dB on parts that were kept "
                "from the training"
            )

    def _look(self, number: int, which: str, denoiser: Denoiser) -> Look:
        denoised = _denoised(denoiser, self._pairs.stacks)
        found = tone(self._pairs.truth, denoised)
        right = abs(found.offset) <= DRIFT and abs(found.contrast - 1) <= CONTRAST and not found.inverted
        mean = float(quality(which, denoised, self._pairs).psnrs.mean())
        return Look(number, which, mean, found.offset, found.contrast, bool(right), self._of_noisy)

    def _take(self, look: Look) -> bool:
        """Whether it is the best so far."""
        if look.better_than(self._gain, GAIN):
            self._gain = look
        if not look.better_than(self._best):
            return False
        self._best = look
        return True

    @property
    def _gained_at(self) -> int:
        return self._gain.step if self._gain is not None else 0

    def _nothing_gained(self, training: Training) -> bool:
        steps: int = training.method.recipe.steps
        return training.number >= max(HALF * steps, self._gained_at + WITHOUT_GAIN * steps)


def keep_best(
    run: Run, recipe: LearningRecipe, held: Mapping[str, Sequence[Plane]], ranges: Mapping[str, IntensityRange]
) -> KeepBest | None:
    """Return what judges a training, or None if nothing was held out that tells good from bad.

    Args:
        run: folder of the run.
        recipe: of the training.
        held: planes that were held out, by kind.
        ranges: the intensity range of each kind.
    """
    try:
        if held.get("pairs"):
            return KeepBest(run, _held_pairs(held["noisy"], held["pairs"], ranges["noisy"], recipe))
        if held.get("clean") and held.get("noisy"):
            noisy = read_crops(held["noisy"], ranges["noisy"])
            clean = read_seen(held["clean"], ranges["clean"], slices_of(recipe))
            return KeepBest(run, make_pseudo_pairs(noisy, clean, PAIRS, recipe.seed, SIDE))
    except InputError as problem:
        terminal.warn(f"the last state is kept, not the best: {problem}")
    return None


def _held_pairs(
    noisy: Sequence[Plane], truth: Sequence[Plane], intensity_range: IntensityRange, recipe: LearningRecipe
) -> Pairs:
    corner = slice(LARGEST), slice(LARGEST)
    noisy_images, true_images = (
        [np.clip(intensity_range.network_input(plane[corner]), -1, 1) for plane in planes] for planes in (noisy, truth)
    )
    stacks = [
        np.stack([noisy_images[number] for number in around])
        for around in neighbours_among(noisy, slices_of(recipe)).tolist()
    ]
    return cut_pairs(stacks, true_images, PAIRS, recipe.seed, SIDE)


def _denoised(denoiser: Denoiser, noisy: Stacks) -> Images:
    """What a denoiser makes of stacks (N, slices, Y, X), each with statistics of its own."""
    with torch.inference_mode():
        results = [denoiser(stack.to(denoiser.device)) for stack in torch.from_numpy(noisy)[:, None]]
    denoised: Images = torch.cat(results)[:, 0].float().cpu().numpy()
    return denoised
