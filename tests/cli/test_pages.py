"""Command lines in the README and in docs/: the commands and their options exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pellucid.cli.commands import BENCHMARK_COMMANDS, COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CALL = re.compile(rf"pellucid (benchmark (?:{'|'.join(BENCHMARK_COMMANDS)})\b|[a-z]+)((?: +[^\s`#|;]+)*)")


def calls(page):
    """The options of every command line on a page, by command."""
    found = {}
    for command, arguments in CALL.findall(page.read_text(encoding="utf-8").replace("\\\n", " ")):
        found.setdefault(command, set()).update(re.findall(r"--[a-z-]+", arguments))
    return {command: options for command, options in found.items() if options}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_on_a_page_is_one_of_the_command(page, command):
    for name, options in calls(page).items():
        assert name.split()[0] in {*COMMANDS, "benchmark"}
        words = set(re.findall(r"--[a-z-]+", command(*name.split(), "--help").out))
        assert options <= words, f"pellucid {name}"
