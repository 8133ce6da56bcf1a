"""What a user does, in a real browser."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue

from .browser import App, tab_of

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=alert(1)>.tif"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("journeys")
    shown = place / "images"
    (shown / "<script>alert(1)<").mkdir(parents=True)
    clean = tissue((256, 256)).astype(float)
    noise = np.random.default_rng(1).normal(0, 25, clean.shape)
    write_array(shown / "noisy.tif", np.clip(clean + noise, 0, 255).astype(np.uint8))
    write_array(shown / "result.tif", clean.astype(np.uint8))
    write_array(shown / EVIL, clean.astype(np.uint8))
    write_array(shown / "volume.tif", np.stack([clean * (100 + z) for z in range(4)]).astype(np.uint16))
    write_array(place / "secret.tif", clean.astype(np.uint8))
    (shown / "trust.html").write_text("<h1>How far</h1><script>document.title='ran'; alert(1)</script>")
    return shown


@pytest.fixture(scope="module")
def app(folder):
    """A server that shows the folder, for all journeys."""
    serving = App(folder, folder.parent / "work")
    yield serving
    serving.stop()


@pytest.fixture
def tab(chromium, app):
    with tab_of(chromium, app) as page:
        yield page


def choose(page, name):
    """Open an image of the folder."""
    page.locator(".p-entry", has_text=name).first.click()
    page.wait_for_selector(".p-view-status:not(:empty)")


def go(page, name):
    """Follow the navigation."""
    page.get_by_role("link", name=name, exact=True).click()


def shot(page, path):
    """A screenshot of the whole page."""
    page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 10_000


def test_a_volume_is_opened_and_turned_through(tab, tmp_path):
    choose(tab, "volume.tif")
    tab.get_by_text("4 sections (Z)").wait_for()
    tab.get_by_text("uint16").wait_for()
    with tab.expect_request(lambda request: "/tile/" in request.url and "plane=2" in request.url):
        tab.get_by_role("slider", name="Plane").locator("[tabindex='0']").focus()  # what the Tab key reaches
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("ArrowRight")
    tab.get_by_text("Z 3 of 4").wait_for()
    shot(tab, tmp_path / "open.png")


def test_methods_are_tried_on_what_is_in_view(tab, tmp_path):
    choose(tab, "noisy.tif")
    go(tab, "Try")
    tab.wait_for_function("document.querySelectorAll('.p-said .p-remark').length === 3")
    assert tab.get_by_text("correlation with structure").count() == 3
    tab.get_by_text("What was removed", exact=True).click()
    tab.get_by_role("checkbox", name="wavelet").click()
    tab.get_by_role("button", name="Try here").click()
    tab.wait_for_function("document.querySelectorAll('.p-said .p-remark').length === 4")
    shot(tab, tmp_path / "try.png")


def test_results_are_compared(tab, folder, tmp_path):
    choose(tab, "noisy.tif")
    go(tab, "Look")
    tab.wait_for_selector(".p-view-status:not(:empty)")
    tab.get_by_label("Result A", exact=True).fill(str(folder / "result.tif"))
    tab.keyboard.press("Enter")
    border = tab.get_by_role("slider", name="Border between the two images")
    border.focus()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("document.querySelector('.p-split').getAttribute('aria-valuenow') === '52'")
    tab.get_by_role("button", name="Flip", exact=True).click()
    tab.get_by_text("in view: Noisy image").wait_for()
    tab.locator("body").press("f")
    tab.get_by_text("in view: Result A").wait_for()
    tab.get_by_role("button", name="Side by side").click()
    tab.wait_for_function("document.querySelectorAll('.p-view-status:not(:empty)').length === 2")
    tab.get_by_role("button", name="Zoom in").first.click()
    tab.wait_for_function(
        "(() => { const said = [...document.querySelectorAll('.p-view-status')].map((each) => each.textContent);"
        " return said[0] === said[1] && !said[0].startsWith('1:1.') && said[0] !== ''; })()"
    )
    with tab.expect_request(lambda request: "minus=" in request.url):
        tab.get_by_role("button", name="Difference").click()
    shot(tab, tmp_path / "look.png")


def test_names_are_shown_and_not_run(tab):
    choose(tab, "<img src=x")
    tab.get_by_text(EVIL).first.wait_for()
    tab.locator(".p-entry", has_text="<script>").click()
    tab.get_by_text("No folders and no images here.").wait_for()
    assert tab.locator(".p-content img[src=x]").count() == 0


def colours(page):
    """The luminance of the page and of its text, from 0 to 1."""
    both = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    return [sum(map(int, re.findall(r"\d+", colour)[:3])) / 765 for colour in both]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_are_turned_at_once_and_kept(chromium, app, scheme):
    with tab_of(chromium, app, scheme=scheme) as page:
        back, text = colours(page)
        assert (back < text) == (scheme == "dark")
        page.get_by_role("button", name="Light or dark").click()
        page.wait_for_selector("body.body--light" if scheme == "dark" else "body.body--dark")
        go(page, "Look")
        page.get_by_text("Choose the noisy image").wait_for()
        back, text = colours(page)
        assert (back < text) == (scheme == "light")


def test_what_lies_outside_is_refused_in_one_line(tab, folder):
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    go(tab, "Look")
    field = tab.get_by_label("Noisy image", exact=True)
    for path in (folder.parent / "secret.tif", folder / ".." / "secret.tif", "/etc/passwd"):
        field.fill(str(path))
        tab.keyboard.press("Enter")
        tab.locator(".p-problem-text", has_text=str(path)).wait_for()
        assert "lies outside" in tab.locator(".p-problem-text").inner_text()
    assert not any("secret" in url for url in asked)


def test_the_script_of_another_page_does_not_run(chromium, app, folder):
    context = chromium.new_context()
    page = context.new_page()
    page.on("dialog", lambda dialog: pytest.fail("the script ran"))
    page.goto(app.address)
    page.goto(app.route(f"/page?path={folder / 'trust.html'}"))
    assert page.get_by_text("How far").is_visible()
    assert page.title() != "ran"
    context.close()


def test_two_tabs_do_not_disturb_each_other(chromium, app):
    with tab_of(chromium, app) as first, tab_of(chromium, app) as second:
        choose(first, "volume.tif")
        choose(second, "noisy.tif")
        for page, name in ((first, "volume.tif"), (second, "noisy.tif")):
            page.reload()
            page.locator("h2", has_text=name).wait_for()


@pytest.mark.parametrize(("width", "height", "scheme"), [(1024, 768, "dark"), (820, 1180, "light")])
def test_nothing_sticks_out_on_a_tablet(chromium, app, tmp_path, width, height, scheme):
    with tab_of(chromium, app, width=width, height=height, scheme=scheme) as page:
        choose(page, "noisy.tif")
        for name in ("Try", "Train", "Denoise", "Look", "Open"):
            go(page, name)
            page.wait_for_selector("text=No training yet" if name == "Train" else ".p-view-status:not(:empty)")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            shot(page, tmp_path / f"{name}.png")
