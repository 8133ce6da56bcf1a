"""Invalid pixels: constant areas, not-a-number, infinite, masked."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.blockwise.blocks import denoise_planes
from pellucid.errors import InputError, ModelError
from pellucid.io.arrays import open_array

from . import made


def denoised(array, memory=made.PLENTY):
    """The denoised planes of an array, and the counts of its pixels."""
    blocks = list(denoise_planes(made.spec(memory), open_array(array)))
    return np.concatenate([block.results["denoised"] for block in blocks]), [block.outcome for block in blocks]


@pytest.mark.parametrize("memory", [made.PLENTY, made.LITTLE])
def test_a_constant_plane_is_copied_and_nothing_is_computed(memory, monkeypatch):
    array = made.stack((3, 61, 83)).copy()
    array[1] = 7
    computed, estimates = [], made.Small.estimates
    monkeypatch.setattr(made.Small, "estimates", lambda self, x: computed.append(x) or estimates(self, x))
    result, outcomes = denoised(array[1:2], memory)
    assert np.array_equal(result, array[1:2])
    assert not computed
    result, outcomes = denoised(array, memory)
    assert [outcome.kept for outcome in outcomes] == [0, 61 * 83, 0]
    assert not np.array_equal(result[0], array[0])
    assert outcomes[1].removed.pixels.number == 0


@pytest.mark.parametrize("memory", [made.PLENTY, made.LITTLE])
def test_masked_and_not_a_number_are_the_same_hole(memory):
    array = made.stack((1, 61, 83)).astype(np.float32)
    mask = np.zeros(array.shape, bool)
    mask[0, 20:30, 40:60] = True
    holes = np.where(mask, np.float32(np.nan), array)
    (masked, (one,)), (empty, (other,)) = denoised(np.ma.MaskedArray(array, mask), memory), denoised(holes, memory)
    assert np.array_equal(masked[~mask], empty[~mask])
    assert np.array_equal(masked[mask], array[mask])
    assert np.isnan(empty[mask]).all()
    assert one.kept == other.missing == mask.sum()  # masked pixels have a value, which stays
    assert one.missing == other.kept == 0
    assert np.ravel(one.removed) == pytest.approx(np.ravel(other.removed))


def test_errors_name_the_plane(monkeypatch):
    array = made.stack((2, 61, 83))
    monkeypatch.setattr(made.Small, "estimates", lambda self, x: dict.fromkeys(self.estimate_names, x * np.nan))
    with pytest.raises(ModelError, match=r"the model makes .* pixels not finite .* \(array\[0\]\)"):
        denoised(array)
    monkeypatch.setattr(made.Small, "whole", True)
    with pytest.raises(InputError, match=r"^array\[0\]: an image of 61×83 pixels takes .* takes no tiles"):
        denoised(array, made.LITTLE)
