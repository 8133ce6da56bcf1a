from __future__ import annotations

import pytest

from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize, known_unit


def test_pixel_sizes_convert_between_units():
    size = PixelSize({"Z": 40.0, "Y": 10.0, "X": 10.0}, "nm")
    assert size.to("µm") == PixelSize({"Z": 0.04, "Y": 0.01, "X": 0.01}, "µm")
    assert size.to("Å").to("nm") == size
    assert size.along("YX") == PixelSize({"Y": 10.0, "X": 10.0}, "nm")
    assert size.along("T") is None
    assert str(size) == "40 × 10 × 10 nm"


@pytest.mark.parametrize(
    ("values", "unit"), [({"X": 0.0}, "nm"), ({"X": float("nan")}, "nm"), ({}, "nm"), ({"X": 1.0}, "parsec")]
)
def test_senseless_pixel_sizes_are_refused(values, unit):
    with pytest.raises(InputError, match="pixel size"):
        PixelSize(values, unit)


def test_units_by_any_spelling():
    assert [known_unit(text) for text in ("micron", "µm", "μm", "Nanometer", "angstrom", "Å", "pixel", None)] == [
        "µm", "µm", "µm", "nm", "Å", "Å", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(("size", "plausible"), [(0.1, True), (1e9, True), (1e-9, False), (1e300, False)])
def test_sizes_of_damaged_fields_are_not_plausible(size, plausible):
    assert PixelSize({"Y": 1.0, "X": size}, "nm").is_plausible == plausible
