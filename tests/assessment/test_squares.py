from __future__ import annotations

import numpy as np

from pellucid.assessment.squares import square_means


def test_incomplete_squares_are_left_out():
    images = np.zeros((2, 9, 6))
    images[1, :4, :4], images[1, 4:8, :4] = 3, np.arange(4)
    images[:, 8], images[:, :, 4:] = 1e9, 1e9
    np.testing.assert_array_equal(square_means(images, 4), [[[0], [0]], [[3], [1.5]]])
