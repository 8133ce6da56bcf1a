"""What is kept, told or refused, written and read for every cell of the tables in `docs/formats.md`.

python -m tests.io.formats.test_matrix

writes the tables into the page.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.io.formats import matrix_metadata, matrix_pixels

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
BEGIN = "<!-- tables: python -m tests.io.formats.test_matrix writes them -->"
END = "<!-- end of the tables -->"
LEGENDS = {
    "Pixel types": "*as OME* and *as plain*: the TIFF is of that kind instead. Every kind of TIFF is read.",
    "Axes": "T is time, C channels, Z sections.",
    "Pixel sizes and history": (
        "*History* is where the line stands that says what was done; earlier lines stay. *no place*: it is not written."
    ),
    "What a file of the same format keeps": (
        "A region leaves out some sections, channels or times, and the left of the image. *its part*: it gets what "
        "belongs to it, and a place moves with it. *told*: it is not kept, and a line says so. *another format*: none "
        "of them keeps it, and a line says so; – for what concerns this file only, its name and how pixels are stored."
    ),
    "What other formats keep": (
        "One file of each format, written in the others; its pixels are the same, its axes as above. *size*: the pixel "
        "size. The count is of what the file says, as listed above: how much of it a line names as not kept."
    ),
}


def tables(folder: Path) -> str:
    """All tables, as Markdown."""
    rows = matrix_pixels.rows(folder / "pixels") | matrix_metadata.rows(folder / "metadata")
    return "\n\n".join(f"### {title}\n\n{LEGENDS[title]}\n\n{_table(rows[title])}" for title in LEGENDS)


def _table(rows: list[list[str]]) -> str:
    heading, *others = rows
    lines = [heading, ["---"] * len(heading), *others]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(page: str) -> str:
    """The tables that stand in the page."""
    return page.partition(BEGIN)[2].partition(END)[0].strip()


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    return tables(tmp_path_factory.mktemp("matrix"))


def test_the_page_says_what_is_true(computed):
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == computed, "docs/formats.md is out of date: python -m tests.io.formats.test_matrix"


def test_nothing_is_lost_without_a_word(computed):
    assert matrix_pixels.LOST not in computed


def main() -> None:
    """Write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    with tempfile.TemporaryDirectory() as folder:
        made = tables(Path(folder))
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
