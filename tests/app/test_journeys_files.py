"""Files that a user brings and takes away, in a real browser."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest

from pellucid.app.task_folder import TaskFolder
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue

from .browser import App, tab_of
from .waiting import until

pytestmark = pytest.mark.slow

DROPPED = """
async ({names, address}) => {
  const content = await (await fetch(address)).blob();
  const transfer = new DataTransfer();
  for (const name of names) transfer.items.add(new File([content], name));
  const dropped = new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: transfer});
  document.dispatchEvent(new DragEvent("dragover", {bubbles: true, cancelable: true, dataTransfer: transfer}));
  document.dispatchEvent(dropped);
  return dropped.defaultPrevented;
}
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A server that shows one small noisy image, and a file whose name no browser can show."""
    place = tmp_path_factory.mktemp("files")
    (place / "images").mkdir()
    clean = tissue((96, 96)).astype(float)
    noisy = np.clip(clean + np.random.default_rng(1).normal(0, 25, clean.shape), 0, 255)
    write_array(place / "images" / "noisy.png", noisy.astype(np.uint8))
    (place / "images" / os.fsdecode(b"caf\xe9.png")).touch()
    serving = App(place / "images", place / "work")
    yield serving
    serving.stop()
    for task in TaskFolder(serving.work).running():
        task.kill()


@pytest.fixture
def tab(chromium, app):
    with tab_of(chromium, app) as page:
        yield page


def drop(page, app, *names):
    """Drop the content of the noisy image under other names; any PNG of the server will do."""
    address = app.route(f"/picture?path={app.folder / 'noisy.png'}")
    assert page.evaluate(DROPPED, {"names": names, "address": address})


def test_files_are_dropped_and_the_last_is_shown(chromium, app):
    with tab_of(chromium, app, expected="400") as tab:
        drop(tab, app, "café 1.png", "海馬.png", "notes.txt")
        tab.get_by_role("heading", name="海馬.png").wait_for()
        tab.locator(".p-problem-text", has_text="notes.txt: not an image format").wait_for()
        tab.locator(".p-entry", has_text="café 1.png").wait_for()
    uploads = app.work / "uploads"
    assert sorted(path.name for path in uploads.iterdir()) == ["café 1.png", "海馬.png"]
    for path in uploads.iterdir():
        assert np.array_equal(open_image(path).planes[0].read(), open_image(app.folder / "noisy.png").planes[0].read())


def test_files_are_chosen_by_keyboard_too(tab, app, tmp_path):
    write_array(tmp_path / "chosen.tif", np.zeros((40, 50), np.uint8))
    tab.get_by_label("Choose files of this computer").set_input_files(tmp_path / "chosen.tif")
    tab.get_by_text("50 × 40 pixels").wait_for()


def test_names_that_cannot_be_shown_are_counted(tab):
    tab.get_by_text("1 file with a name that is not UTF-8 is not shown; rename it.").wait_for()


def test_a_model_is_exported_and_its_zip_is_picked_from_a_list(tab, app):
    tab.get_by_role("link", name="Look", exact=True).click()
    tab.get_by_text("Export it for others").click()
    tab.get_by_label("File name").fill("mine.zip")
    tab.get_by_label("Licence").fill("CC-BY-4.0")
    tab.get_by_role("button", name="Export").click()
    tab.get_by_text(f"Written to {app.work / 'exports' / 'mine.zip'}").wait_for()
    with zipfile.ZipFile(app.work / "exports" / "mine.zip") as written:
        assert "recipe.toml" in written.namelist()
    tab.get_by_role("button", name="Export").click()
    tab.locator(".p-problem-text", has_text="exists").wait_for()

    tab.get_by_role("link", name="Denoise", exact=True).click()
    tab.get_by_role("button", name="Choose: Another model: run or zip").click()
    tab.get_by_role("button", name="work", exact=True).click()
    tab.locator(".p-dialog .p-entry", has_text="exports").click()
    tab.locator(".p-dialog .p-entry", has_text="mine.zip").click()
    field = tab.get_by_label("Another model: run or zip", exact=True)
    until(lambda: field.input_value() == str(app.work / "exports" / "mine.zip"), "the path of the model")
    tab.get_by_text("As a command, and in Python").click()
    tab.get_by_text("say where the result goes").first.wait_for()


def test_trust_is_asked_for(tab, app):
    """The assessment takes minutes, so it is ended at once."""
    tab.locator(".p-entry", has_text="noisy.png").click()
    tab.get_by_role("heading", name="noisy.png").wait_for()
    tab.get_by_role("link", name="Denoise", exact=True).click()
    tab.wait_for_selector(".p-view-status:not(:empty)")
    tab.get_by_role("button", name="How far can it be trusted?").click()
    tab.locator(".p-task", has_text="noisy-1.html").wait_for()
    (task,) = TaskFolder(app.work).all("trust")
    task.kill()
    tab.locator(".p-line", has_text="stopped, and can be resumed").wait_for()
    assert task.spec.inputs == {"noisy": str(app.folder / "noisy.png"), "model": "em"}
    tab.get_by_role("button", name="Delete").click()
    tab.get_by_role("button", name="Delete all of it").click()
    tab.get_by_text("Nothing was denoised yet.").wait_for()
