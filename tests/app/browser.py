"""The pages in a real browser: a server in a process of its own, and what must never happen in a tab of it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120_000
"""Milliseconds that a busy machine may take for a step."""


def chromium_path():
    """Where Chromium is; without it the test is skipped."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    return path


class App:
    """A server of the pages that shows one folder, in a process of its own."""

    def __init__(self, folder, work):
        self.folder, self.work = folder, work
        self.start()

    def start(self):
        """Start it; what it shows is on disk."""
        command = [
            sys.executable,
            "-m",
            "pellucid",
            "app",
            str(self.folder),
            "--no-browser",
            "--folder",
            str(self.work),
        ]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, cwd=self.work.parent, **pipes)
        self.address = self._process.stdout.readline().strip()
        assert self.address, self._process.communicate()[1]

    def stop(self):
        """Stop it as Ctrl-C does; it must end cleanly."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, said
        assert "Traceback" not in said, said

    def route(self, path):
        """The address of a page."""
        return self.address.partition("/?")[0] + path


@contextmanager
def tab_of(browser, app, *, width=1280, height=800, scheme="light", expected=None):
    """A tab with the first page.

    When it is closed, nothing has left this machine, nothing has failed, and no name was run as a script. `expected` is
    part of what the browser says of a request that the journey is to be refused.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    requests, errors, dialogs = [], [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(app.address)
    page.wait_for_selector(".p-entry")
    yield page
    context.close()
    assert [url for url in requests if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []
    assert [error for error in errors if expected is None or expected not in error] == []
    assert dialogs == []
