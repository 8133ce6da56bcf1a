from __future__ import annotations

import re

from tools.man_page import manual

from pellucid.cli.commands import BENCHMARK_COMMANDS, COMMANDS


def test_all_commands_and_their_options_are_in_the_manual():
    page = manual().replace("\\-", "-")
    assert re.search(r"^\.TH pellucid 1 ", page, re.MULTILINE)
    assert re.search(r"^pellucid - Clean microscope images", page, re.MULTILINE)
    for name in [*COMMANDS, *(f"benchmark {name}" for name in BENCHMARK_COMMANDS)]:
        assert f"pellucid {name}" in page
    for option in ("--memory", "--intensity-range", "--baseline", "--no-browser"):
        assert option in page
