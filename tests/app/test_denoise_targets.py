from __future__ import annotations

import shutil

import pytest

from pellucid.app.denoise_targets import checked_model, existing, first_image, pairs_of, proposed_output
from pellucid.app.roots import Roots
from pellucid.errors import InputError


@pytest.fixture
def roots(pictures):
    return Roots([pictures])


def test_a_result_is_proposed_for_a_file_and_for_a_folder(roots, pictures, tmp_path):
    assert proposed_output(roots, str(pictures / "noisy" / "b0.png"), tmp_path) == tmp_path / "b0.png"
    assert proposed_output(roots, str(pictures / "noisy"), tmp_path) == tmp_path / "noisy"
    assert first_image(roots, str(pictures / "noisy")) == str(pictures / "noisy" / "b0.png")


def test_a_format_that_is_only_read_gets_one_that_is_written(tmp_path):
    from PIL import Image

    Image.new("L", (32, 32)).save(tmp_path / "a.jpg")
    assert proposed_output(Roots([tmp_path]), str(tmp_path / "a.jpg"), tmp_path / "out").name == "a.png"


def test_results_that_exist_are_named(pictures, tmp_path):
    pairs = pairs_of(str(pictures / "noisy"), str(tmp_path))
    assert [target for _, target in pairs] == [str(tmp_path / f"b{number}.png") for number in range(3)]
    assert existing(pairs) == []
    shutil.copy(pictures / "noisy" / "b1.png", tmp_path / "b1.png")
    assert existing(pairs) == [str(tmp_path / "b1.png")]


def test_models_are_those_in_the_box_and_in_the_folders(roots, pictures, tmp_path):
    assert checked_model(roots, "em") == "em"
    assert checked_model(roots, str(pictures / "noisy")) == str(pictures / "noisy")
    for name, why in {"": "choose a model", "no-such": "no such model", str(tmp_path): "outside"}.items():
        with pytest.raises(InputError, match=why):
            checked_model(roots, name)
