from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.assessment.tone import tone

from .made import specimens, white

IMAGES = np.stack(specimens(2, 64))


@settings(max_examples=10)
@given(offset=st.floats(-0.5, 0.5), factor=st.floats(0.2, 2))
def test_offset_and_contrast_are_those_of_a_linear_change(offset, factor):
    middle = IMAGES.mean()
    found = tone(IMAGES, (middle + offset + factor * (IMAGES - middle)).astype(np.float32))
    assert found.offset == pytest.approx(offset, abs=1e-3)
    assert found.contrast == pytest.approx(factor, rel=1e-3)
    assert found.polarity == pytest.approx(1, abs=1e-4)
    assert not found.inverted


def test_noise_that_goes_changes_little():
    found = tone(np.stack(white(specimens(2, 64))), IMAGES)
    assert found.offset == pytest.approx(0, abs=0.05)
    assert found.contrast == pytest.approx(1, abs=0.1)
    assert found.polarity > 0.9


def test_a_negative_is_found():
    found = tone(np.stack(white(specimens(2, 64))), -IMAGES)
    assert found.inverted
    assert found.polarity < -0.9
    assert found.contrast == pytest.approx(1, abs=0.1)


def test_images_without_structure_have_no_contrast_to_compare():
    nothing = np.zeros((1, 64, 64), np.float32)
    found = tone(nothing, nothing)
    assert (found.offset, found.contrast, found.polarity, found.inverted) == (0, 1, 0, False)
