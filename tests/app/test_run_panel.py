from __future__ import annotations

import shutil
from urllib.parse import quote

from nicegui import ui

from pellucid.app.run_panel import EARLY, RunPanel

from .without_browser import on_a_page, pictures, texts


def preview(user):
    return pictures(user)["preview of crops"]


def test_a_run_that_has_not_begun_says_what_will_come(workplace, tmp_path):
    async def act(user, panel):
        await panel.refresh()
        assert EARLY in texts(user)

    on_a_page(lambda: RunPanel(workplace, tmp_path / "run"), act)


def test_it_shows_the_latest_preview_until_an_earlier_one_is_picked(workplace, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    last = max((run / "previews").glob("*.png"))
    earlier, later = (last.with_name(f"{number:06d}.png") for number in (0, 900_000))
    shutil.copy(last, earlier)

    async def act(user, panel):
        await panel.refresh()
        assert EARLY not in texts(user)
        assert "Adversarial" in texts(user)
        assert preview(user).endswith(quote(str(last)))
        (slider,) = user.find(ui.slider).elements
        slider.value = 0
        assert preview(user).endswith(quote(str(earlier)))
        assert "after step 0" in texts(user)
        shutil.copy(last, later)
        await panel.refresh()
        assert preview(user).endswith(quote(str(earlier)))
        slider.value = len(list((run / "previews").glob("*.png"))) - 1
        assert "after step 900,000" in texts(user)

    on_a_page(lambda: RunPanel(workplace, run), act)
