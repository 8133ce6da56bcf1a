from __future__ import annotations

import random
from pathlib import Path

import pytest

from pellucid.io.natural_order import natural


@pytest.mark.parametrize(
    "names",
    [
        [f"s{number}.tif" for number in range(1, 13)],
        ["s01.tif", "s1.tif", "s2.tif", "s10.tif", "s010_b.tif"],
        ["1", "2.tif", "10", "a", "b2c3", "b2c10", "b10c1"],
        ["z9/s2.tif", "z10/s1.tif", "z10/s20.tif"],
        ["Z1", "Z2", "a", "β2", "β10", "図1", "図11"],
        ["s٣.tif", "s5.tif"],  # digits of another script are numbers too
        ["s", "s1", "s1 (2)", "s1 (10)", "s1.tif"],
        ["x²1", "x²10"],  # a superscript is none
    ],
)
def test_numbers_count_by_their_value(names):
    shuffled = random.Random(0).sample(names, len(names))
    assert sorted(shuffled, key=natural) == names
    assert sorted(map(Path, shuffled), key=natural) == list(map(Path, names))
