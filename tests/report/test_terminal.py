from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
from itertools import pairwise

import pytest
from rich.console import Console

from pellucid.report import terminal
from pellucid.report.plain_progress import ProgressLines


def test_without_a_terminal_a_line_comes_soon_and_then_ever_more_seldom(clock):
    told = []
    lines = ProgressLines(told.append, "training", 1000, 0, clock)
    at = []
    for second in range(1, 7201):
        clock.now = second
        before = len(told)
        lines.set(second / 10, "cycle 0.5")
        at += [second] * (len(told) - before)
    assert at[:4] == [5, 35, 65, 95]
    assert 300 in {later - earlier for earlier, later in pairwise(at)}
    assert max(later - earlier for earlier, later in pairwise(at)) <= 300
    assert told[0] == "training 0/1000 (0%), 0:00:05 taken, 2:46:35 left  cycle 0.5"
    lines.close()
    assert told[-1] == "training 720/1000 (72%), 2:00:00 taken, 0:46:40 left  cycle 0.5"


def test_the_time_left_is_that_of_this_call_alone(clock):
    told = []
    lines = ProgressLines(told.append, "training", 100, 90, clock)
    clock.now = 10
    lines.set(90)
    assert told.pop() == "training 90/100 (90%), 0:00:10 taken"
    lines.set(95)
    lines.close()
    assert told == ["training 95/100 (95%), 0:00:10 taken, 0:00:10 left"]
    lines.close()
    assert len(told) == 1


def test_a_closed_terminal_is_no_reason_to_stop():
    program = """
import os, sys
from pellucid.report import terminal
with terminal.progress_bar("training", 3) as bar:
    os.read(0, 1)
    bar.set(1)
    terminal.say("into the void")
    bar.say("likewise")
os.write(1, b"done")
"""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        os.close(ours)
        out, _ = process.communicate(b"go", timeout=60)
    assert (process.returncode, out) == (0, b"done")


@pytest.fixture
def printed(capsys):
    """The lines on standard error so far; standard output must be empty."""

    def read():
        found = capsys.readouterr()
        assert found.out == ""
        assert "\x1b" not in found.err
        return found.err.splitlines()

    return read


def test_lines_are_neither_wrapped_nor_understood_as_markup(printed):
    text = "[bold]a[/bold] a.zarr:b: " + "long " * 100
    terminal.say(text)
    terminal.warn(text)
    assert [line.rstrip() for line in printed()] == [text.rstrip(), f"warning: {text}".rstrip()]


def test_a_table_keeps_each_row_in_one_line_however_long(printed):
    rows = [("[file] " + "n" * 120, "1.25"), ("b", "10.5" + "0" * 80)]
    terminal.table("a title that is longer than the table below it is wide [sic]", ["image", "PSNR (dB)"], rows)
    lines = printed()
    assert lines[0].rstrip() == "a title that is longer than the table below it is wide [sic]"
    cells = [[cell.strip() for cell in line.split("│")[1:3]] for line in lines if line.startswith("│")]
    assert cells == [list(row) for row in rows]


def test_the_first_column_is_text_and_the_others_numbers(printed):
    terminal.table("t", ["name", "value"], [("a", "1"), ("bbb", "100")])
    rows = [line for line in printed() if line.startswith("│")]
    assert rows == ["│ a    │     1 │", "│ bbb  │   100 │"]


def test_results_go_to_standard_output(capsys):
    terminal.table("t", ["name"], [("a",)], terminal.results())
    found = capsys.readouterr()
    assert "│ a    │" in found.out
    assert found.err == ""


def test_a_terminal_is_as_wide_as_it_is(monkeypatch):
    screen = Console(file=io.StringIO(), force_terminal=True, width=40, highlight=False)
    monkeypatch.setattr(terminal, "messages", lambda: screen)
    terminal.table("t", ["name", "value"], [("a" * 100, "1")])
    assert max(len(line) for line in screen.file.getvalue().splitlines() if "│" in line) <= 40


def test_a_bar_tells_what_is_done_the_time_left_and_a_note(printed):
    with terminal.progress_bar("training", 8, 3) as bar:
        bar.set(5, "cycle 0.123")
    (line,) = printed()
    assert line.startswith("training")
    assert "5/8" in line
    assert "left" in line
    assert line.rstrip().endswith("cycle 0.123")


def test_items_come_in_order_with_a_bar(printed):
    with terminal.progress_over(["a", "b", "c"], "doing") as items:
        assert list(items) == ["a", "b", "c"]
    (line,) = printed()
    assert "3/3" in line


@pytest.mark.parametrize("items", [[], ["a"]])
def test_no_bar_for_one_item(items, printed):
    with terminal.progress_over(items, "doing") as told:
        assert list(told) == items
    assert printed() == []


def fail_at(items, bad):
    with terminal.progress_over(items, "doing") as told:
        for item in told:
            if item == bad:
                raise ValueError(item)


def test_the_bar_ends_before_its_failure_is_told(printed):
    with pytest.raises(ValueError, match="b"):
        fail_at(["a", "b", "c"], "b")
    assert "1/3" in printed()[0]
    gc.collect()
    assert printed() == []


@pytest.mark.parametrize("installed", [True, False])
def test_a_notebook_has_a_drawn_bar_only_with_its_widgets(installed, monkeypatch):
    console = Console(file=io.StringIO(), force_jupyter=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if installed else None)
    assert terminal._can_draw(console) is installed


def test_a_notebook_without_widgets_has_lines_and_no_warning(monkeypatch):
    shown = []
    console = Console(file=io.StringIO(), force_jupyter=True)
    monkeypatch.setattr(terminal, "messages", lambda: console)
    monkeypatch.setattr(terminal, "say", shown.append)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with terminal.progress_bar("denoising", 2) as bar:
        bar.set(2)
    assert shown[-1].startswith("denoising 2/2")


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
    ],
)
def test_colours_are_asked_for_and_refused_by_variables(variables, coloured, capsys, monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal.warn("this is long " * 20)
    told = capsys.readouterr().err
    assert ("\x1b[33m" in told) == coloured
    assert len(told.splitlines()) == 1


def test_colours_in_a_log_redraw_no_bar(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress_bar("training", 3) as bar:
        bar.set(3)
    told = capsys.readouterr().err
    assert told.startswith("training 3/3 (100%), ")
    assert "\x1b" not in told
