from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pellucid.assessment.assess import assess, squares
from pellucid.assessment.flicker import Change, Flicker
from pellucid.assessment.fourier_rings import Rings
from pellucid.assessment.page import as_values
from pellucid.assessment.quality import Quality
from pellucid.assessment.repeats import MeasuredError, Repeats
from pellucid.assessment.seams import Seams
from pellucid.assessment.tone import Tone
from pellucid.data.clipping import Clipping
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.methods import make_recipe
from pellucid.model import Model
from tests.conftest import be_hasty

from .made import specimens, white

pytestmark = pytest.mark.usefixtures("hasty")


def assessed(noisy, clean, recipe="gaussian", **settings):
    model = Model.for_images(make_recipe(recipe, "quick", settings), noisy, device="cpu")
    return assess(model, open_source(noisy).planes, open_source(clean).planes, "made-up ones")


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        be_hasty(patch)
        return assessed(white(specimens(2, 96, 9)), specimens(2, 96), sigma=1.2)


def qualities(psnr, spread=0.1, count=16):
    psnrs = psnr + spread * np.random.default_rng(0).normal(size=count)
    return Quality("made up", psnrs, np.full(count, 0.5))


def test_a_filter_is_no_better_than_itself(found):
    assert found.model == "the method gaussian"
    assert [each.recipe.name for each in found.filters] == ["gaussian"]
    assert found.denoised.psnr.mean > found.noisy.psnr.mean + 3
    assert "no better than the filter" in found.verdict or "THE FILTER IS BETTER by" in found.verdict
    assert f"expected {found.denoised.psnr.mean:.1f} dB" in found.verdict
    assert (found.warnings, found.doubts, found.band) == ([], [], None)


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (2.0, ": better than any filter by 2.0 dB"),
        (-2.0, ": THE FILTER IS BETTER by 2.0 dB"),
        (0.0, ": no better than"),
    ],
)
def test_the_verdict_compares_with_the_best_filter(found, gain, words):
    best = dataclasses.replace(found.filters[0], quality=qualities(25))
    poor = dataclasses.replace(found.filters[0], quality=qualities(15))
    denoised = qualities(25 + gain)
    told = dataclasses.replace(found, filters=[poor, best, poor], denoised=denoised)
    assert told.best_filter is best
    assert words in told.verdict
    assert "25.0 dB" in told.verdict


def test_doubts_are_said_in_grey_levels(found):
    stronger = dataclasses.replace(found.removed, deviation=1.5 * found.removed_made.deviation)
    told = dataclasses.replace(found, removed=stronger)
    assert told.doubts == ["1.50 times as much is removed from the real images as from those made like them"]
    assert told.verdict.endswith(f"Not certain: {told.doubts[0]}")
    darker = dataclasses.replace(found.removed, mean=found.removed_made.mean + 0.1)
    (doubt,) = dataclasses.replace(found, removed=darker).doubts
    before, after = -found.removed_made.mean, -darker.mean
    half = (found.range.high - found.range.low) / 2
    assert doubt == (
        f"brightness changes by {after * half:.3g} grey levels in the real images, but by {before * half:.3g} grey "
        "levels in those made like them"
    )


@pytest.mark.parametrize(
    ("measure", "words"), [("with_image", "resembles the image"), ("with_edges", "goes with edges")]
)
def test_what_is_removed_has_to_go_with_structure_as_it_does_on_made_images(found, measure, words):
    def removed(by):
        return dataclasses.replace(found.removed_made, **{measure: getattr(found.removed_made, measure) + by})

    (doubt,) = dataclasses.replace(found, removed=removed(-0.3)).doubts
    assert doubt.startswith(f"what is removed {words} by {getattr(removed(-0.3), measure):.2f} in the real images, but")
    assert dataclasses.replace(found, removed=removed(-0.2)).doubts == []


def test_a_filter_is_not_called_better_in_doubt(found):
    clipped = dataclasses.replace(found, denoised=qualities(23), clipping=Clipping(black=0.077))
    clipped = dataclasses.replace(clipped, filters=[dataclasses.replace(found.filters[0], quality=qualities(25))])
    assert ": a filter may be better by 2.0 dB. Not certain: noise is clipped" in clipped.verdict


def test_warnings_tell_what_is_wrong_with_the_tone(found):
    told = dataclasses.replace(found, tone=Tone(0, 1, -0.5), true_tone=Tone(-0.1, 0.5, 1))
    levels = 0.1 * (found.range.high - found.range.low) / 2
    assert told.warnings == [
        "the result is a negative of the noisy image",
        f"results are darker than the truth by {levels:.3g} grey levels",
        "the contrast of results is 0.50 times that of the truth",
    ]


def test_seams_flicker_and_repeats_are_warned_of_if_they_are_wrong(found):
    half = (found.range.high - found.range.low) / 2
    still = Change(0.01, 0.01, 0.0)
    flicker = Flicker(8, 0.9, Change(0.01, 0.1, 0.1), Change(0.1, 0.3, 0.2), still, 0.2, 0.001)
    told = dataclasses.replace(found, seams=Seams(128, 1.2, 0.03), flicker=flicker)
    assert told.warnings == [
        f"tiles leave seams: across their borders steps are 1.20 times as large as without them, by {0.03 * half:.3g} "
        "grey levels on average",
        f"brightness flickers from section to section by {0.1 * half:.3g} grey levels, which the noisy images do not: "
        "try --statistics sampled",
        "contrast flickers from section to section by 20%, which that of the noisy images does not: try --statistics "
        "sampled",
    ]
    steady = dataclasses.replace(flicker, brightness=still, contrast=still)
    assert dataclasses.replace(found, seams=Seams(128, 1.0, 0.0), flicker=steady).warnings == []


def repeats(noisy, denoised, shift=0.0):
    squares = (np.full(4, 4 / 10 ** (psnr / 10)) for psnr in (noisy, denoised))
    errors = [MeasuredError(name, each) for name, each in zip(("noisy", "ours"), squares, strict=True)]
    return Repeats(*errors, [], 0.0, 0.0, shift, Rings(*np.zeros((4, 8))), 4)


def test_repeats_are_in_the_verdict_and_are_believed_more_than_pseudo_pairs(found):
    noisy, gain = found.noisy.psnr.mean, found.denoised.psnr.mean - found.noisy.psnr.mean
    agreed = dataclasses.replace(found, repeats=repeats(noisy + 2, noisy + 2 + gain))
    assert f". Measured on repeats: {noisy + 2 + gain:.1f} dB (" in agreed.verdict
    assert agreed.doubts == agreed.warnings == []
    (doubt,) = dataclasses.replace(found, repeats=repeats(noisy, noisy + gain - 1.5)).doubts
    assert doubt.endswith(f"but the repeats measure {gain - 1.5:.1f} dB: believe the repeats")
    (warning,) = dataclasses.replace(found, repeats=repeats(noisy, noisy + gain, 0.6)).warnings
    assert warning.startswith("the repeats are shifted by up to 0.6 pixels")


def levels(images, dtype, high):
    return [((image + 1) / 2 * high).astype(dtype) for image in images]


@pytest.mark.parametrize(("dtype", "high"), [("uint16", 40000), ("float32", 0.01), ("uint8", 255)])
def test_pixels_of_any_type_and_size_are_assessed(dtype, high):
    (noisy,) = levels(white(specimens(1, 70, 9)), dtype, high)
    values = as_values(assessed(noisy, levels(specimens(1, 80), "uint8", 255)))
    assert len(values["planted"]["kept"]) == 6
    assert 15 < values["expected"]["noisy"]["psnr"]["mean"] < 30


def test_a_volume_with_padding_and_gaps_is_assessed():
    volume = np.stack(white(specimens(3, 160, 9))) + 2
    volume[:, :90] = 0
    volume[0, 100, 100] = np.nan
    volume[1] = 1
    values = as_values(assessed(volume, specimens(1, 80)))
    assert np.isfinite(values["expected"]["gaussian"]["psnr"]["mean"])
    assert values["flicker"] is None  # a blank section among three


def test_methods_that_learn_from_each_image_are_refused():
    with pytest.raises(
        InputError, match=r"self2self learns anew from each image.*; choose a trained model, or a filter"
    ):
        assessed(specimens(1, 64), specimens(1, 64), "self2self")


def test_squares_are_from_the_middle_of_those_that_are_large_enough():
    images = [np.arange(100 * 80).reshape(100, 80), np.zeros((60, 90))]
    cut = squares(images, 64)
    assert cut.shape == (1, 1, 64, 64)
    np.testing.assert_array_equal(cut[0, 0], images[0][18:82, 8:72])
