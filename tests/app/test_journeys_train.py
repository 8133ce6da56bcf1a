"""Journeys of a microscopist through Train and Denoise, in a real browser with real trainings."""

from __future__ import annotations

import pytest

from pellucid.app.task import State
from pellucid.app.task_folder import TaskFolder

from .browser import tab_of
from .waiting import until

pytestmark = pytest.mark.slow

QUICK = "width=4 batch=2 preview_every=100000 save_every=100000"


def fill(page, label, text):
    page.get_by_label(label, exact=True).fill(text)
    page.keyboard.press("Tab")


def choose_images(page, app, folder="noisy", other="clean"):
    page.goto(app.route("/train"))
    fill(page, "Noisy images", str(app.folder / folder))
    fill(page, "Clean images, of other places", str(app.folder / other))
    page.wait_for_selector(".p-crops img")


def start_training(page, app, steps):
    choose_images(page, app)
    fill(page, "Minutes", "")
    page.get_by_text("More", exact=True).click()
    fill(page, "Settings, as in: width=24 batch=8", f"{QUICK} steps={steps}")
    page.get_by_role("button", name="Start the training").click()
    page.wait_for_selector(".p-task")


def state_says(page, words):
    page.locator(".p-line", has_text=words).wait_for()


def test_the_whole_job(tab, running_app):
    """Open an image, train, denoise with the model, look at both, and write the model for others."""
    tab.get_by_text("noisy", exact=True).first.click()
    tab.get_by_text("b0.png", exact=True).click()
    tab.get_by_role("heading", name="b0.png").wait_for()

    start_training(tab, running_app, 3)
    state_says(tab, "done")
    tab.wait_for_selector(".p-chart")
    tab.wait_for_selector(".p-picture[src*='/picture']")
    (training,) = TaskFolder(running_app.work).all("train")
    assert training.state == State.DONE

    tab.get_by_role("button", name="Denoise with it").click()
    tab.wait_for_url("**/denoise")
    fill(tab, "Noisy images: file, folder or volume", str(running_app.folder / "noisy" / "b0.png"))
    until(lambda: tab.get_by_label("Where the result goes", exact=True).input_value().endswith("b0.png"))
    tab.get_by_role("button", name="Denoise", exact=True).click()
    state_says(tab, "done")
    assert (running_app.work / "denoised" / "b0.png").is_file()
    (denoising,) = TaskFolder(running_app.work).all("denoise")
    assert denoising.spec.inputs["model"] == training.spec.result

    tab.get_by_role("button", name="Look at it").click()
    tab.wait_for_url("**/look")
    tab.get_by_text("Export it for others").click()
    tab.get_by_label("File name").fill("model.zip")
    tab.get_by_role("button", name="Export").click()
    until(lambda: list(running_app.work.rglob("model.zip")), "the exported model")


def test_a_training_is_paused_and_found_again_after_a_restart_of_the_app(chromium, running_app):
    with tab_of(chromium, running_app) as page:
        start_training(page, running_app, 100_000)
        page.wait_for_selector(".p-chart")
        page.get_by_role("button", name="Pause").click()
        state_says(page, "stopped")
        page.get_by_role("button", name="Resume").click()
        state_says(page, "training")
    (task,) = TaskFolder(running_app.work).all()
    running_app.stop()
    assert task.state == State.RUNNING
    running_app.start()
    with tab_of(chromium, running_app) as page:
        page.goto(running_app.route("/train"))
        state_says(page, "training")
        page.get_by_role("button", name="Pause").click()
        state_says(page, "stopped")
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete all of it").click()
        page.get_by_text("No training yet.").wait_for()
    assert not (running_app.work / "runs" / "noisy-1").exists()


def test_two_tabs_do_not_disturb_each_other(chromium, running_app):
    with tab_of(chromium, running_app) as one, tab_of(chromium, running_app) as other:
        choose_images(one, running_app)
        choose_images(other, running_app, "clean", "noisy")
        fill(one, "Name of the run", "mine")
        fill(other, "Name of the run", "yours")
        for page, name in ((one, "mine"), (other, "yours")):
            fill(page, "Minutes", "")
            page.get_by_text("More", exact=True).click()
            fill(page, "Settings, as in: width=24 batch=8", f"{QUICK} steps=2")
            assert page.get_by_label("Name of the run", exact=True).input_value() == name
            page.get_by_role("button", name="Start the training").click()
        for page in (one, other):
            until(lambda page=page: page.locator(".p-task").count() == 2, "both trainings in both tabs")
        for name in ("mine", "yours"):
            one.locator(".p-task", has_text=name).click()
            one.get_by_role("heading", name=name).wait_for()
            state_says(one, "done")
    specs = {task.spec.result.rpartition("/")[2]: task.spec for task in TaskFolder(running_app.work).all()}
    assert specs["mine"].inputs["noisy"] == specs["yours"].inputs["clean"]


def test_numbers_are_written_as_at_home_and_shown_as_a_command(tab, running_app):
    choose_images(tab, running_app)
    fill(tab, "Minutes", "0,5")
    tab.get_by_text("As a command, and in Python").click()
    tab.get_by_text("--minutes 0.5").wait_for()
    fill(tab, "Minutes", "soon")
    tab.get_by_role("button", name="Start the training").click()
    tab.locator(".p-problem", has_text="write a positive number").wait_for()
    assert TaskFolder(running_app.work).all() == []


def test_why_a_training_failed_is_one_line(tab, running_app):
    choose_images(tab, running_app)
    tab.get_by_text("More", exact=True).click()
    fill(tab, "Settings, as in: width=24 batch=8", "width=wide")
    tab.get_by_role("button", name="Start the training").click()
    tab.locator(".p-error", has_text="setting width").wait_for()


def test_what_exists_is_replaced_only_when_asked(tab, running_app):
    tab.goto(running_app.route("/denoise"))
    fill(tab, "Noisy images: file, folder or volume", str(running_app.folder / "noisy"))
    until(lambda: tab.get_by_label("Where the result goes", exact=True).input_value().endswith("noisy"))
    tab.get_by_text("A method without training").click()
    tab.get_by_role("button", name="Denoise", exact=True).click()
    state_says(tab, "done")
    result = running_app.work / "denoised" / "noisy" / "b0.png"
    written = result.stat().st_mtime_ns
    tab.get_by_role("button", name="Denoise", exact=True).click()
    tab.get_by_text("Replace what exists already?").wait_for()
    tab.get_by_role("button", name="Cancel").click()
    assert result.stat().st_mtime_ns == written
    tab.get_by_role("button", name="Denoise", exact=True).click()
    tab.get_by_role("button", name="Replace").click()
    until(lambda: len(TaskFolder(running_app.work).all()) == 2, "the second task")
    until(lambda: result.stat().st_mtime_ns > written, "the new result")


def test_a_part_is_tried_before_all_is_denoised(tab, running_app):
    tab.goto(running_app.route("/denoise"))
    fill(tab, "Noisy images: file, folder or volume", str(running_app.folder / "noisy" / "b0.png"))
    tab.locator("canvas").first.wait_for()
    tab.get_by_text("A method without training").click()
    tab.get_by_role("button", name="Preview").click()
    tab.locator(".p-pair img[alt^='denoised']").wait_for()
