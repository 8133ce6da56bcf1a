from __future__ import annotations

import numpy as np
import pytest

from pellucid.app.part_preview import PartPreview
from pellucid.app.session import Session
from pellucid.app.tiles import Window
from pellucid.errors import InputError
from pellucid.io.writing import write_array

from .without_browser import on_a_page, pictures, texts


@pytest.fixture
def noisy(tmp_path):
    path = tmp_path / "images" / "noisy.tif"
    write_array(path, np.random.default_rng(1).normal(120, 30, (80, 100)).clip(0, 255).astype(np.uint8))
    return str(path)


def test_the_part_in_view_is_shown_before_and_after_with_the_contrast_of_the_image(workplace, noisy):
    async def act(user, preview):
        assert any("Choose images" in text for text in texts(user))
        await preview.open(noisy)
        assert any("press Preview" in text for text in texts(user))
        await preview.show("", "median")
        assert not any("press Preview" in text for text in texts(user))
        drawn = pictures(user)
        assert drawn.keys() == {"noisy, the part in view", "denoised, the part in view"}
        assert len(set(drawn.values())) == 2
        preview._view.contrast._set(Window(0, 40))
        preview._view.contrast._changed()
        brighter = pictures(user)
        assert all(brighter[name] != drawn[name] for name in drawn)
        user.find("Auto contrast").click()
        assert pictures(user) == drawn
        await preview.open(noisy)
        assert pictures(user) == {}  # what was shown belongs to another image

    on_a_page(lambda: PartPreview(Session(workplace)), act)


def test_what_cannot_be_previewed_is_said(workplace, noisy):
    async def act(user, preview):
        with pytest.raises(InputError, match="choose noisy images first"):
            await preview.show("", "median")
        await preview.open(noisy)
        with pytest.raises(InputError, match="Self2Self takes too long"):
            await preview.show("", "self2self")

    on_a_page(lambda: PartPreview(Session(workplace)), act)
