"""All evidence about one model on some noisy images, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from pellucid.assessment.denoising import denoise_among, denoise_stacks, denoise_with
from pellucid.assessment.error_band import ErrorBand, error_band
from pellucid.assessment.filters import BestFilter, best_filter, expected_psnr, filter_model, filters_at_hand
from pellucid.assessment.flicker import Flicker, measure_flicker, neighbours
from pellucid.assessment.planted import FromNoise, Planted, made_from_noise, plant
from pellucid.assessment.pseudo_pairs import Image, Images, Stack, Stacks, make_pseudo_pairs, read_crops
from pellucid.assessment.quality import Quality, quality, quality_of_noisy
from pellucid.assessment.removed import Removed, unlike_made, what_was_removed
from pellucid.assessment.repeats import Repeats, measure_repeats, read_frames
from pellucid.assessment.seams import Seams, measure_seams
from pellucid.assessment.stacks import read_seen, read_stacks
from pellucid.assessment.tone import Tone, tone
from pellucid.data.clipping import Clipping, clipping_of
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.neighbours import neighbours_among
from pellucid.errors import InputError
from pellucid.io.image import Plane
from pellucid.methods.slices import slices_of
from pellucid.model import Model
from pellucid.report import terminal

SHOWN = 3
"""Number of crops that the page shows."""
PLANTED_IN = 8
"""Number of crops that structures are planted in."""
STRENGTH = 1.25
"""Factor between what is removed from real and from made noisy images, within which the made noise is like the real."""
SHIFT = 0.05
"""Likewise the difference between their changes of mean brightness, in units of [−1, 1]."""
DRIFT = 0.06
"""Difference of mean brightness between results and truth from which it is said."""
CONTRAST = 0.15
"""Likewise the relative difference of contrast."""
AGREED = 1.0
"""Difference between the gains that pseudo-pairs and repeats tell, in dB, from which it is said."""


@dataclass(frozen=True)
class Assessment:
    """What is known of a model's results on some noisy images; intensities in units of [−1, 1].

    Attributes:
        model: its name.
        range: intensities that are −1 and 1.
        noisy: quality of the noisy images of the pseudo-pairs.
        denoised: quality of the model on them.
        filters: the filters, each at its best on them.
        removed: from the real noisy images.
        removed_made: from those of the pseudo-pairs.
        tone: of the real noisy images and their results.
        tone_made: of those of the pseudo-pairs.
        true_tone: of the truth of the pseudo-pairs and the results on them.
        band: expected error; None if the model predicts none.
        planted: structures put into the real noisy images.
        from_noise: what becomes of noise alone.
        noisy_crops: the real crops that were denoised.
        denoised_crops: their results.
        filtered_crops: what the best filter makes of the first `SHOWN`.
        clean: where the clean images are from, in words.
        seams: of tiles; None if the method takes none, or the images are too small.
        flicker: from section to section; None if there are no neighbouring sections.
        repeats: what second frames tell; None if there are none.
        clipping: noise of the real images that is clipped at either end.
    """

    model: str
    range: IntensityRange
    noisy: Quality
    denoised: Quality
    filters: Sequence[BestFilter]
    removed: Removed
    removed_made: Removed
    tone: Tone
    tone_made: Tone
    true_tone: Tone
    band: ErrorBand | None
    planted: Planted
    from_noise: FromNoise
    noisy_crops: Images
    denoised_crops: Images
    filtered_crops: Images
    clean: str
    seams: Seams | None = None
    flicker: Flicker | None = None
    repeats: Repeats | None = None
    clipping: Clipping = field(default_factory=Clipping)

    @property
    def best_filter(self) -> BestFilter:
        """The filter of the highest expected PSNR."""
        return max(self.filters, key=expected_psnr)

    @property
    def doubts(self) -> list[str]:
        """Reasons why the figures may be wrong: the made noise differs from the real."""
        found = []
        ratio = self.removed.deviation / max(self.removed_made.deviation, 1e-6)
        if not 1 / STRENGTH <= ratio <= STRENGTH:
            found.append(f"{ratio:.2f} times as much is removed from the real images as from those made like them")
        shift = self.removed.mean - self.removed_made.mean
        if abs(shift) > SHIFT:
            found.append(
                f"brightness changes by {self._levels(-self.removed.mean)} in the real images, but by "
                f"{self._levels(-self.removed_made.mean)} in those made like them"
            )
        if self.repeats is not None:
            measured = self.repeats.denoised.psnr.mean - self.repeats.noisy.psnr.mean
            expected = self.denoised.psnr.mean - self.noisy.psnr.mean
            if abs(expected - measured) > AGREED:
                found.append(
                    f"pseudo-pairs expect a gain of {expected:.1f} dB over the noisy image, but the repeats measure "
                    f"{measured:.1f} dB: believe the repeats"
                )
        if (unlike := unlike_made(self.removed, self.removed_made)) is not None:
            found.append(unlike)
        if self.clipping.matters:
            found.append("noise is clipped, and on pseudo-pairs a blur may then score better than it looks")
        return found

    @property
    def warnings(self) -> list[str]:
        """What a user should look at before using the results."""
        found = []
        if self.tone.inverted:
            found.append("the result is a negative of the noisy image")
        if abs(self.true_tone.offset) > DRIFT:
            way = "brighter" if self.true_tone.offset > 0 else "darker"
            found.append(f"results are {way} than the truth by {self._levels(abs(self.true_tone.offset))}")
        if abs(self.true_tone.contrast - 1) > CONTRAST:
            found.append(f"the contrast of results is {self.true_tone.contrast:.2f} times that of the truth")
        if self.clipping.matters:
            found.append(f"in the noisy images that were assessed {self.clipping.text}")
        return [*found, *self._of_tiles_and_sections()]

    def _of_tiles_and_sections(self) -> list[str]:
        found = []
        if self.seams is not None and self.seams.visible:
            found.append(
                f"tiles leave seams: across their borders steps are {self.seams.ratio:.2f} times as large as without "
                f"them, by {self._levels(self.seams.step)} on average"
            )
        if self.flicker is not None and self.flicker.in_brightness:
            found.append(
                f"brightness flickers from section to section by {self._levels(self.flicker.brightness.added)}, which "
                "the noisy images do not: try --statistics sampled"
            )
        if self.flicker is not None and self.flicker.in_contrast:
            found.append(
                f"contrast flickers from section to section by {self.flicker.contrast.added:.0%}, which that of the "
                "noisy images does not: try --statistics sampled"
            )
        if self.repeats is not None and self.repeats.shifted:
            found.append(
                f"the repeats are shifted by up to {self.repeats.shift:.1f} pixels, which counts as an error of fine "
                "detail: align them for a figure of the model alone"
            )
        return found

    @property
    def verdict(self) -> str:
        """One sentence: what to expect, and whether a filter is better."""
        expected, ssim, best = self.denoised.psnr, self.denoised.ssim, self.best_filter.quality
        gain = self.denoised.gain_over(best)
        text = (
            f"expected {expected.mean:.1f} dB ({expected.low:.1f} to {expected.high:.1f}), SSIM {ssim.mean:.2f}; "
            f"noisy {self.noisy.psnr.mean:.1f} dB; best filter ({best.name}) {best.psnr.mean:.1f} dB"
        )
        if gain.low is not None and gain.low > 0:
            text += f": better than any filter by {gain.mean:.1f} dB"
        elif gain.high is not None and gain.high < 0:
            better = "a filter may be better" if self.doubts else "THE FILTER IS BETTER"
            text += f": {better} by {-gain.mean:.1f} dB"
        else:
            text += ": no better than the filter"
        if self.repeats is not None:
            mean, low, high = self.repeats.denoised.psnr
            within = f" ({low:.1f} to {high:.1f})" if low is not None and high is not None else ""
            text += f". Measured on repeats: {mean:.1f} dB{within}, noisy {self.repeats.noisy.psnr.mean:.1f} dB"
        return text + (f". Not certain: {self.doubts[0]}" if self.doubts else "")

    def _levels(self, value: float) -> str:
        levels = value * (self.range.high - self.range.low) / 2
        return f"{levels:,.0f} grey levels" if abs(levels) >= 100 else f"{levels:.3g} grey levels"


def assess(
    model: Model,
    noisy: Sequence[Plane],
    clean: Sequence[Plane],
    clean_name: str,
    seed: int = 0,
    repeats: Sequence[Plane] | None = None,
) -> Assessment:
    """Gather all evidence about a model.

    Args:
        model: what is assessed.
        noisy: planes of noisy images, best not those of the training.
        clean: planes of clean images, best not those of the training.
        clean_name: where these are from, in words.
        seed: of places and noise.
        repeats: second frames of the noisy images, with noise of their own.

    Raises:
        InputError: images that are too small, or cannot be read; repeats that do not match; or a model that learns anew
            from each image.
    """
    if model.denoiser.rounds > 1:
        raise InputError(
            f"{model.recipe.name} learns anew from each image, and a hundred are denoised here: that would take hours; "
            "choose a trained model, or a filter"
        )
    slices = slices_of(model.denoiser)
    if slices > 1 and repeats is not None:
        raise InputError(
            f"{model.name} sees {slices} neighbouring slices, and repeats are compared image by image: leave them out"
        )
    frames = read_frames(noisy, repeats, model.intensity_range) if repeats is not None else None
    names = filters_at_hand()
    steps = ["measuring the noise", "the model", *names, "structures, tiles, sections"]
    with terminal.progress_bar("assessing", len(steps)) as bar:
        bar.set(0, steps[0])
        real = read_crops(noisy, model.intensity_range)
        clean_range = IntensityRange.from_source(list(clean))
        pairs = make_pseudo_pairs(real, read_seen(clean, clean_range, slices), seed=seed)
        denoise = partial(denoise_stacks, model)
        seen = real if slices == 1 else read_stacks(noisy, model.intensity_range, slices)
        largest = max(min(each.shape[-2:]) for each in seen)
        stacks = squares(seen, min(largest, pairs.truth.shape[-1]))
        crops, sections = stacks[:, slices // 2], neighbours(noisy)
        bar.set(1, steps[1])
        denoised, made = denoise(stacks), denoise(pairs.stacks)
        filters = []
        for number, name in enumerate(names):
            bar.set(2 + number, name)
            filters.append(best_filter(name, pairs))
        best = max(filters, key=expected_psnr)
        bar.set(len(steps) - 1, steps[-1])
        found = Assessment(
            model=model.name,
            range=model.intensity_range,
            noisy=quality_of_noisy(pairs),
            denoised=quality(model.recipe.name, made, pairs),
            filters=filters,
            removed=what_was_removed(crops, denoised),
            removed_made=what_was_removed(pairs.noisy, made),
            tone=tone(crops, denoised),
            tone_made=tone(pairs.noisy, made),
            true_tone=tone(pairs.truth, made),
            band=error_band(model.denoiser, pairs),
            planted=plant(crops[:PLANTED_IN], partial(denoise_among, model, stacks[:PLANTED_IN]), seed),
            from_noise=made_from_noise(pairs.noise, stacks.shape[1:], denoise, seed),
            noisy_crops=crops,
            denoised_crops=denoised,
            filtered_crops=denoise_with(filter_model(best.recipe), crops[:SHOWN]),
            clean=clean_name,
            seams=measure_seams(model.denoiser, real),
            flicker=measure_flicker(
                sections,
                model.intensity_range,
                lambda images: denoise(images[neighbours_among(sections, slices)]),
            ),
            clipping=clipping_of(noisy),
        )
        if frames is not None:
            others = {best.quality.name: partial(denoise_with, filter_model(best.recipe))}
            found = replace(
                found, repeats=measure_repeats(frames, partial(denoise_with, model), model.recipe.name, others)
            )
        bar.set(len(steps))
    return found


def squares(images: Sequence[Image | Stack], side: int) -> Stacks:
    """The middle square of each image or stack that is large enough, (N, slices, side, side)."""
    large = [image for image in images if min(image.shape[-2:]) >= side]
    starts = [[(size - side) // 2 for size in image.shape[-2:]] for image in large]
    cut = [image[..., top : top + side, left : left + side] for image, (top, left) in zip(large, starts, strict=True)]
    return np.stack(cut).reshape(len(cut), -1, side, side)
