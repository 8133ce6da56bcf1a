"""The list of tasks and the chosen one, from what is on disk alone."""

from __future__ import annotations

import json

import pytest
from nicegui import ui

from pellucid.app.session import Session
from pellucid.app.task import State, Task, TaskSpec
from pellucid.app.task_panel import TaskPanel
from pellucid.blockwise.lock import locked

from .without_browser import on_a_page, texts

BUTTONS = {"Pause", "Resume", "Delete", "Stop at once"}


@pytest.fixture
def panel(workplace):
    """What builds the panel of denoisings; each extra button is named after the state that it was asked for."""

    def build():
        return TaskPanel(Session(workplace), ["denoise"], lambda seen: ui.button(f"extra {seen.state}"), "nothing yet")

    return build


@pytest.fixture
def made(workplace):
    """Makes a task as a command has left it: with this status, or none, and these lines."""

    def make(name, status=None, log="", kind="denoise"):
        task = Task(workplace.folder / "tasks" / f"{name}-{kind}")
        task.folder.mkdir(parents=True)
        result = workplace.folder / f"{name}.tif"
        result.touch()
        task.write_spec(TaskSpec(kind, name, (kind,), str(result), {}))
        task.log_file.write_text(log, encoding="utf-8")
        if status is not None:
            task.outcome_file.write_text(json.dumps({"status": status, "ended": 1.0}), encoding="utf-8")
        return task

    return make


def offered(user):
    return BUTTONS & set(texts(user, ui.button))


def test_without_tasks_it_says_so(panel):
    async def act(user, shown):
        await shown.begin()
        assert "nothing yet" in texts(user)

    on_a_page(panel, act)


def test_what_can_be_done_depends_on_how_a_task_is(panel, made):
    done, lost = made("good", 0), made("lost")
    failed = made("bad", 2, "warning: too dark\nwarning: too dark\npellucid: bad.tif: is no image\n")
    made("other", 0, kind="train")

    async def act(user, shown):
        await shown.begin()
        assert "nothing yet" not in texts(user)
        assert "other.tif" not in texts(user)
        await shown.choose(done.name)
        assert offered(user) == {"Delete"}
        await shown.choose(failed.name)
        assert {"bad.tif: is no image", "too dark"} <= set(texts(user))
        assert texts(user).count("too dark") == 1
        assert offered(user) == {"Resume", "Delete"}
        assert f"extra {State.FAILED}" in texts(user, ui.button)
        await shown.choose(lost.name)
        assert "ended without a word" in texts(user)
        assert offered(user) == {"Resume", "Delete"}

    on_a_page(panel, act)


def test_a_running_task_is_paused_and_not_deleted(panel, made):
    task = made("long")

    async def act(user, shown):
        with locked(task.lock, "is running"):
            await shown.begin()
            assert offered(user) == {"Pause"}
            task.asked_file.write_text("{}", encoding="utf-8")
            await shown.refresh()
            assert offered(user) == {"Pause", "Stop at once"}
        await shown.refresh()
        assert offered(user) == {"Resume", "Delete"}

    on_a_page(panel, act)


def test_a_deleted_task_is_gone_and_its_finished_result_stays(panel, made, workplace):
    task = made("good", 0)

    async def act(user, shown):
        await shown.begin()
        user.find("Delete").click()
        await user.should_see("finished files stay")
        user.find("Delete all of it").click()
        await user.should_see("nothing yet")
        assert not task.folder.exists()
        assert (workplace.folder / "good.tif").exists()

    on_a_page(panel, act)


def test_a_task_that_another_tab_removed_vanishes(panel, made):
    kept, removed = made("kept", 0), made("removed", 0)

    async def act(user, shown):
        await shown.begin()
        await shown.choose(removed.name)
        shown.tasks.forget(removed)
        await shown.refresh()
        assert "removed.tif" not in texts(user)
        assert "kept.tif" in texts(user)
        assert kept.folder.exists()

    on_a_page(panel, act)
