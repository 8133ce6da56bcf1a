"""What the tests of the pages share."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.app.task_folder import TaskFolder
from pellucid.app.workplace import Workplace

from .browser import FLAGS, App, chromium_path, tab_of


@pytest.fixture
def image():
    """An image of 16 bits, 96×128, in which each pixel is another value."""
    return np.arange(96 * 128, dtype=np.uint16).reshape(96, 128) * 5


@pytest.fixture
def workplace(tmp_path):
    """Folders that may be shown, and one for results."""
    (tmp_path / "images").mkdir()
    made = Workplace([tmp_path / "images"], tmp_path / "work")
    yield made
    made.close()


@pytest.fixture(scope="session")
def chromium():
    """Chromium without a window; tests that need it are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the journeys need Playwright")
    path = chromium_path()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def running_app(pictures, tmp_path):
    """The app with phantom images, for one test; its tasks are ended with it."""
    app = App(pictures, tmp_path / "work")
    yield app
    app.stop()
    for task in TaskFolder(app.work).running():
        task.kill()


@pytest.fixture
def tab(chromium, running_app):
    """A tab of the app."""
    with tab_of(chromium, running_app) as page:
        yield page
