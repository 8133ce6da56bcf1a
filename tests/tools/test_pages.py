from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))  # programs, not a package

import pages

PAGE = """# A page

<!-- before:
echo prepared > made.txt
-->

```sh
cat made.txt
echo "42 images in 3.1 s"
```

```text
prepared
7 images in 12 s
```

<!-- not run: needs a cluster -->
```sh
exit 3
```

```python
print("from Python")
```
"""


@pytest.fixture
def page(tmp_path):
    """Write a page, and run it in a folder beside it."""

    def run(text, **options):
        file = tmp_path / "page.md"
        file.write_text(text)
        folder = tmp_path / "work"
        folder.mkdir()
        return list(pages.run_page(file, folder, **options))

    return run


def test_blocks_are_run_in_order_and_compared_but_for_their_figures(page):
    assert page(PAGE) == ["", "prepared\n42 images in 3.1 s\n", "from Python\n"]


def test_a_reason_is_kept_with_its_block():
    assert [block.reason for block in pages.blocks(PAGE)] == ["", "", "", "needs a cluster", ""]
    assert [block.language for block in pages.blocks(PAGE)] == ["sh", "sh", "text", "sh", "python"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```sh\nfalse\n```\n", "page.md:1: exit status 1"),
        ("```sh\nfalse | true\n```\n", "exit status 1"),
        ("```python\nimport warnings\nwarnings.warn('x')\n```\n", "UserWarning"),
        ("```sh\necho one; echo two\n```\n\n```text\ntwo\none\n```\n", "this line is not printed, or not here:\none"),
        ("```sh\necho one\n```\n\n```text\nother\n```\n", "page.md:5: this line is not printed"),
    ],
)
def test_a_page_that_is_wrong_is_refused(page, text, complaint):
    with pytest.raises(pages.PageError) as problem:
        page(text)
    assert complaint in str(problem.value)


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("pellucid train --out run --minutes 10", "pellucid train --out run --set steps=8"),
        ("pellucid resume run --minutes 20", "pellucid resume run --set steps=10"),
        ("pellucid benchmark --steps 600", "pellucid benchmark --steps 3"),
        ("pellucid train --set steps=500 width=16", "pellucid train --set steps=8 width=16"),
        ("tissue((256, 256), seed=7)", "tissue((96, 96), seed=7)"),
    ],
)
def test_a_short_run_replaces_amounts_alone(long, short):
    assert pages.shorter(long) == short
