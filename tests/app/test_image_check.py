from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pellucid.app.image_check import CROPS, as_address, check_images, display_limits
from pellucid.app.roots import Roots
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue


def test_images_are_told_and_shown(pictures):
    found = check_images(Roots([pictures]), {"noisy": str(pictures / "noisy"), "clean": str(pictures / "clean")})
    assert found.facts["noisy"]["files"] == "3"
    assert set(found.crops) == {"noisy", "clean"}
    assert all(0 < len(crops) <= CROPS for crops in found.crops.values())
    assert not found.swapped
    assert any("too few pixels" in warning for warning in found.warnings)
    assert not any("--" in warning for warning in found.warnings)


def test_swapped_folders_are_noticed_in_words(tmp_path):
    for number in range(2):
        clean = tissue((256, 256), seed=number)
        write_array(tmp_path / "clean" / f"{number}.png", clean)
        write_array(tmp_path / "noisy" / f"{number}.png", simulate(clean[::-1], "gaussian", seed=number))
    found = check_images(Roots([tmp_path]), {"noisy": str(tmp_path / "clean"), "clean": str(tmp_path / "noisy")})
    assert found.swapped
    assert any("are the clean and the noisy images swapped?" in warning for warning in found.warnings)
    assert not any("--" in warning for warning in found.warnings)


def test_images_outside_of_what_may_be_shown_are_not_read(pictures):
    with pytest.raises(InputError, match="outside"):
        check_images(Roots([pictures / "noisy"]), {"noisy": str(pictures / "noisy"), "clean": str(pictures / "clean")})


def test_a_picture_shows_what_is_between_black_and_white():
    crop = np.array([[0.0, 5.0], [10.0, np.nan]])
    address = as_address(crop, (0.0, 10.0))
    kind, _, content = address.partition(",")
    assert kind == "data:image/png;base64"
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))).tolist() == [[0, 128], [255, 0]]
    assert display_limits(np.full((2, 2), np.nan)) == (0.0, 1.0)
