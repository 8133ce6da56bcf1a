from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import shift as moved

from pellucid.assessment.alignment import shift_between

from .made import grain, specimens, white

BIG = specimens(3, 160, 4)


def part(image, down=0, right=0, side=128):
    return image[16 + down : 16 + down + side, 16 + right : 16 + right + side]


@pytest.mark.parametrize("noise", [white, grain])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, -2), (-1, 7)])
def test_the_shift_is_found_below_the_noise(noise, down, right):
    """A frame that begins lower shows its structures higher up."""
    first = np.stack(noise([part(image) for image in BIG], 1))
    second = np.stack(noise([part(image, down, right) for image in BIG], 2))
    found = shift_between(first, second)
    assert found.clear
    assert (found.down, found.right) == pytest.approx((-down, -right), abs=0.4)
    assert found.size == max(abs(found.down), abs(found.right))


def test_half_a_pixel_is_found():
    first = np.stack(white([part(image) for image in BIG], 1))
    second = np.stack(white([part(moved(image, (0.5, 0), order=3)) for image in BIG], 2))
    found = shift_between(first, second)
    assert (found.down, found.right) == pytest.approx((0.5, 0), abs=0.2)


@pytest.mark.parametrize("side", [64, 128])
def test_other_places_have_no_peak(side):
    first, second = (np.stack(white([part(image, side=side)], n)) for n, image in enumerate(BIG[:2]))
    assert not shift_between(first, second).clear
    repeated = np.stack(white([part(BIG[0], side=side)], 9))
    assert shift_between(first, repeated).clear
