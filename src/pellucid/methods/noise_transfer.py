"""Noise transfer: the noise of the noisy images is put on clean ones, and a plain network learns from these pairs.

x is noisy and y is clean; they are unpaired. N is the noise model (`noise_model/model.py`), S the student, b the
absolute error that it expects of itself.

    (x', y') = N(y)              L = mean |S(x') − y'| + mean (log b + |S(x') − y'| / b)

First N is measured: brightness and shading, then spectra. While S learns, what it removes from x and from x' is
compared, and N corrected: the denoiser tells how its noise differs from the real one. No adversary, no second network;
what remains is S, which has no norm. Pellucid's own method; docs/methods.md says what led to it.

Where S sees neighbouring slices of a volume, x and y are stacks: each slice gets noise of its own, and the middle one
is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import Tensor

from pellucid import process_group
from pellucid.methods.base import Batch, Losses, Method, Supervision
from pellucid.methods.noise_model.model import NoiseModel
from pellucid.methods.optim.muon import Muon
from pellucid.methods.optim.schedules import cosine
from pellucid.methods.slices import apart, middle, stacked
from pellucid.methods.student import StudentDenoiser, StudentRecipe, learn

PROBE = 4
"""Steps between two looks at what the student removes from real noisy patches."""
CORRECT = 20
"""Steps between two corrections of the noise model."""
FIRST, LAST = 0.1, 0.95
"""Share of the steps from which on, and up to which, the noise model is corrected."""
FEW = 400
"""Steps below which the result is seen to be unfinished."""
MEASURING = 0.05
"""Largest share of the steps for each of the two measurements."""


class NoiseTransferRecipe(StudentRecipe):
    """Settings of noise transfer: those of the student, and how much is measured."""

    measure: int = Field(400, ge=1, description="patches of each kind to measure for brightness, and for spectra")
    shading: bool = Field(True, description="whether places darker than any clean one are in shade, if they are few")


class NoiseTransfer(Method[NoiseTransferRecipe]):
    """A noise model that is measured and corrected, and a student."""

    title = "Noise transfer"
    reference = "Pellucid"
    supervision = Supervision.UNPAIRED
    kinds = ("noisy", "clean")
    upright = ("noisy",)
    recipe_type = NoiseTransferRecipe
    denoiser_type = StudentDenoiser
    shown_losses = ("error",)

    denoiser: StudentDenoiser
    stage: Tensor
    measured: Tensor

    def __init__(self, recipe: NoiseTransferRecipe) -> None:
        super().__init__(recipe)
        self.noise = NoiseModel(recipe.patch)
        self.register_buffer("stage", torch.zeros((), dtype=torch.int64))
        self.register_buffer("measured", torch.zeros((), dtype=torch.int64))
        self.optimiser = Muon([self.denoiser], cosine(recipe))
        self.optimisers = {"denoiser": self.optimiser}

    def step(self, batch: Batch, number: int) -> Losses:
        """Measure the noise at first, then learn from pairs that are made with it."""
        if int(self.stage) < len(self._measurements()):
            return self._measure(batch, number)
        truth = self.noise.matched(apart(batch["clean"]))
        noisy = stacked(self.noise(truth), self.recipe.slices)
        truth = middle(stacked(truth, self.recipe.slices))
        denoised, losses = learn(self.denoiser, self.optimiser, noisy, truth, number)
        self._compare(batch["noisy"], noisy, denoised, number)
        return losses

    def _measure(self, batch: Batch, number: int) -> Losses:
        """Take one step of a measurement; after enough patches, or a share of all steps, go on to the next."""
        measure, settle = self._measurements()[int(self.stage)]
        measure(apart(batch["noisy"]), apart(batch["clean"]))
        self.measured += self.recipe.batch
        measured = self.measured.float()
        if self.measured >= self.recipe.measure or number >= MEASURING * (int(self.stage) + 1) * self.recipe.steps:
            settle()
            self.stage += 1
            self.measured.zero_()
        return {"measured": measured}

    def _measurements(self) -> Sequence[tuple[Callable[[Tensor, Tensor], None], Callable[[], None]]]:
        """What is measured one after the other: how, and what concludes it."""
        return (
            (self.noise.measure_brightness, self._settle_brightness),
            (self.noise.measure_spectrum, self.noise.settle_spectrum),
        )

    def _settle_brightness(self) -> None:
        self.noise.settle_brightness()
        if self.recipe.shading:
            self.noise.settle_shading()

    def remarks(self, number: int) -> list[str]:
        """What a user should know of a training of so many steps."""
        found = []
        if number < FEW:
            steps = f"{number} step{'s' * (number != 1)}"
            found.append(f"only {steps}: grain and a fine pattern may be left; {FEW} and more are needed")
        if self.noise.shading.found:
            found.append(
                "shading was found, as by charging: dark places that no clean image has are made brighter. If the "
                "specimen is that dark, add clean images that show it, or train with --set shading=false"
            )
        return found

    @torch.no_grad()
    def _compare(self, real: Tensor, made: Tensor, denoised: Tensor, number: int) -> None:
        """Note what the student removes from made and from real noisy patches; now and then correct the noise."""
        share = number / self.recipe.steps
        self.noise.made.add(middle(made), denoised)
        if number % PROBE == 0:
            self.noise.real.add(middle(real), self.denoiser.estimate(real))
            self.noise.shading.keep(process_group.whole(middle(real)))
        if number % CORRECT == 0 and FIRST < share < LAST:
            self.noise.correct()
