"""Every command and snippet of the pages that a reader follows is run, with short trainings on small images."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "tools"))  # programs, not a package

import pages  # noqa: E402

FOLLOWED = [DOCS / "start.md", *sorted(DOCS.glob("tutorials/*.md")), *sorted(DOCS.glob("how_to/*.md"))]


@pytest.mark.slow
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work_and_print_what_it_says(page, tmp_path):
    assert list(pages.run_page(page, tmp_path, short=True))


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_what_is_not_run_has_a_reason_and_every_page_runs_something(page):
    found = list(pages.blocks(page.read_text(encoding="utf-8")))
    assert sum(block.language in ("sh", "python") and not block.reason for block in found) >= 1
    fences = sum(line.startswith(("```sh", "```python")) for line in page.read_text(encoding="utf-8").splitlines())
    assert fences == sum(block.language in ("sh", "python") for block in found if not _prepares(block, page))


def _prepares(block, page):
    return page.read_text(encoding="utf-8").splitlines()[block.line - 1].startswith("<!-- before")


def test_the_first_steps_of_a_stranger_work(tmp_path):
    text = (DOCS / "start.md").read_text(encoding="utf-8")
    first = tmp_path / "first.md"
    first.write_text(text.split("## 5.")[0])
    assert len(list(pages.run_page(first, tmp_path, short=True))) == 3
    assert (tmp_path / "denoised" / "phantom_000.png").exists()
