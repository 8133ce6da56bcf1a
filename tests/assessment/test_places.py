from __future__ import annotations

import numpy as np
import pytest

from pellucid.assessment.places import common_side, cut_places
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source

RANGE = IntensityRange.from_limits(0, 2)


def planes_of(*images):
    return open_source([image.astype(np.float32) for image in images]).planes


@pytest.mark.parametrize(("shape", "side"), [((300, 400), 256), ((100, 400), 96), ((64, 64), 64), ((63, 400), None)])
def test_squares_fit_into_all_planes(shape, side):
    assert common_side(planes_of(np.ones((500, 500)), np.ones(shape))) == side


def test_all_planes_are_cut_at_the_same_place_from_the_middle_outwards():
    image = np.random.default_rng(0).uniform(0, 2, (200, 330))
    places = cut_places(planes_of(image, image + 1), 64, 4, RANGE)
    assert [place.shape for place in places] == [(2, 64, 64)] * 4
    for place in places:
        np.testing.assert_allclose(place[1] - place[0], 1, atol=1e-6)
    np.testing.assert_allclose(places[0][0] + 1, image[68:132, 133:197], atol=1e-6)
    assert len(cut_places(planes_of(image), 64, 99, RANGE)) == 15


def test_places_with_padding_in_any_plane_are_left_out_and_holes_are_filled():
    first, second = np.random.default_rng(0).uniform(0.5, 1.5, (2, 64, 192))
    second[:, 128:] = 0
    first[3, 3] = np.nan
    left, middle = cut_places(planes_of(first, second), 64, 3, RANGE)[::-1]
    np.testing.assert_allclose(middle[0] + 1, first[:, 64:128], atol=1e-6)
    assert np.isfinite(left).all()
    assert abs(left[0, 3, 3]) < 0.2
