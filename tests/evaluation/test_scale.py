from __future__ import annotations

import numpy as np
import pytest

from pellucid.evaluation.scale import Extent, scale_warnings


def extent(low, high, dtype):
    return Extent().including(np.linspace(low, high, 100).astype(dtype))


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ((0, 1, "float32"), (0, 255, "uint8")),
        ((0, 1, "float32"), (0, 9, "uint8")),  # dark images
        ((-1, 1.1, "float64"), (0, 255, "uint8")),
        ((0, 255, "uint8"), (0, 4095, "uint16")),
        ((0, 255, "float32"), (0, 1, "float32")),
        ((1000, 1200, "int16"), (0, 255, "int16")),
    ],
)
def test_other_scales_are_told_either_way(prediction, reference):
    one, other = extent(*prediction), extent(*reference)
    for pair in ((one, other), (other, one)):
        (line,) = scale_warnings(*pair, data_range=pair[1].span)
        assert "do not have the scale of the reference" in line
        for each in (*prediction[2:], *reference[2:]):
            assert each in line


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ((0, 255, "float32"), (0, 255, "uint8")),
        ((90, 110, "uint8"), (0, 255, "uint8")),  # little contrast
        ((100, 100, "uint8"), (0, 255, "uint8")),  # blank: bad, but on the scale
        ((0, 1, "float32"), (-0.1, 1.2, "float64")),
        ((0, 1, "float32"), (0, 1, "uint8")),
        ((0, 65535, "uint16"), (3000, 9000, "uint16")),
    ],
)
def test_what_can_be_of_one_scale_is_not(prediction, reference):
    assert scale_warnings(extent(*prediction), extent(*reference), data_range=extent(*reference).span or 1) == []


def test_a_data_range_of_another_scale_is_told():
    unit = extent(0, 1, "float32")
    (line,) = scale_warnings(unit, unit, 255)
    assert line.startswith("the data range 255 is not that of the reference, float32 from 0 to 1: ")
    eight_bits_in_sixteen = extent(0, 255, "uint16")
    assert scale_warnings(eight_bits_in_sixteen, eight_bits_in_sixteen, 65535) == []


def test_what_is_masked_does_not_count():
    image = np.ma.MaskedArray([0.0, 0.5, 4000.0], mask=[False, False, True])
    assert Extent().including(image) == Extent(0, 0.5, frozenset([np.dtype("float64")]))
    assert Extent().including(np.ma.masked_all((3,))) == Extent()
