from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from rich.console import Console

from pellucid.benchmark.formats import FORMATS, write_tables
from pellucid.benchmark.formats.latex import latex
from pellucid.benchmark.formats.markdown import markdown
from pellucid.benchmark.formats.records import comma_separated
from pellucid.benchmark.formats.screen import show
from pellucid.benchmark.formats.webpage import html
from pellucid.benchmark.layout import NAME, Column, TableCell, TableLayout, TableSection, lay_out, mean_text, range_text
from pellucid.benchmark.table import Mark, MeanDeviation, tables
from pellucid.errors import InputError

from .made import done, failed

UNCANNY = r"a&b_50% #1 {x}\ $y$ ~^ <b>|*z*` [c]"
"""A name with every sign that means something to a format."""


@pytest.fixture(scope="module")
def layout():
    results = [done("dncnn", 28.0, 0.9), failed("redcnn"), done("noisy", 15.5)]
    for fold, gain in enumerate((-0.5, 0.5)):
        results += [done("iscl", 25.0 + gain, 0.8, fold=fold), done("proposed", 26.0 + gain, 0.7, fold=fold)]
    results += [
        done("adn", 24.0),
        failed("adn", fold=1),
        done("cyclegan", 23.0),
        done("iscl", 9.0, dataset="tissue-film"),
    ]
    (table,) = tables(results)
    return lay_out(table, "Methods side by side")


@pytest.fixture(scope="module")
def uncanny():
    rows = ((TableCell(UNCANNY, Mark.BEST), TableCell("1.5 ± 0.1")),)
    return TableLayout(
        UNCANNY, (Column(UNCANNY, is_text=True), Column("PSNR", UNCANNY)), (TableSection(UNCANNY, rows),), (UNCANNY,)
    )


class TableReader(HTMLParser):
    """Reads tables back: rows of (text, mark), and the tags that were not closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open, self.captions, self.addresses = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for key, value in attributes if key in ("src", "href")]
        if tag == "meta":
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append(["", "", int(dict(attributes).get("colspan", 1))])
        if tag in ("strong", "u"):
            self.rows[-1][-1][1] = tag

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "caption":
            self.captions.append(data)
        if any(tag in self.open for tag in ("td", "th")):
            self.rows[-1][-1][0] += data


def texts(layout):
    return [[cell.text for cell in row] for section in layout.sections for row in section.rows]


def test_the_layout_says_means_spreads_paper_s_figures_and_exposure(layout):
    rows = {row[1]: row for row in texts(layout)}
    heads = [f"{column.over}: {column.name}" for column in layout.columns]
    row = dict(zip(heads, rows["proposed"], strict=True))
    assert row["cells-charge: PSNR (dB)"] == "26.00 ± 0.71"
    assert row["cells-charge: SSIM"] == "0.7000 ± 0.0000"
    assert row["cells-charge: paper's PSNR"] == "27.11"
    assert row["cells-charge: paper's SSIM"] == "0.9076"
    assert row["tissue-film: PSNR (dB)"] == "–"
    assert row["tissue-film: paper's PSNR"] == "–"  # nothing of ours to put it beside
    assert (row["each training: steps"], row["each training: seconds"]) == ("200", "32")
    assert dict(zip(heads, rows["noisy"], strict=True))["each training: steps"] == "–"


def test_failed_and_missing_units_are_told(layout):
    psnr = {row[1]: row[2] for row in texts(layout)}
    assert psnr["redcnn"] == "failed"
    assert psnr["adn"] == "24.00 (1 failed)"
    assert psnr["cyclegan"] == "23.00 (1 missing)"


def test_settings_that_differ_are_told():
    changed = done("iscl", 20.0).model_copy(update={"settings": {"width": "8"}})
    (table,) = tables([changed, done("dncnn", 20.0)])
    assert "Set to width=8: ISCL (batch-instance norm)." in lay_out(table, "t").notes


def test_numbers_as_text():
    assert mean_text(MeanDeviation(27.114, None), 2) == "27.11"
    assert mean_text(MeanDeviation(float("inf"), None), 2) == "∞"
    assert [range_text(*ends) for ends in ((200, 200), (180, 200), (0.0, 0.0), (1.25, 30.6))] == [
        "200", "180–200", "0", "1.2–31",
    ]  # fmt: skip


def test_markdown_reads_back(layout):
    lines = markdown([layout]).splitlines()
    rows = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in lines if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    assert rows[1] == ["---"] * 3 + ["---:"] * (len(rows[0]) - 3)
    body = [[cell.strip("*_") for cell in row[1:]] for row in rows[2:]]
    assert body == texts(layout)
    by_method = {row[2]: row for row in rows[2:]}
    assert by_method["proposed"][3:5] == ["**26.00 ± 0.71**", "_0.7000 ± 0.0000_"]
    assert by_method["iscl"][0] == "unpaired supervision"
    assert [line for line in lines if line.startswith("### ")] == ["### Methods side by side"]
    assert all(f"{note}  " in lines for note in layout.notes)


def test_html_reads_back(layout):
    page = TableReader(html([layout]))
    assert page.open == []
    assert page.captions == ["Methods side by side"]
    body = [row for row in page.rows[2:] if len(row) > 1]
    assert [[text for text, *_ in row] for row in body] == texts(layout)
    marks = {row[1][0]: [mark for _, mark, _ in row[2:4]] for row in body}
    assert marks["proposed"] == ["strong", "u"]
    assert marks["dncnn"] == ["", ""]
    assert {sum(width for *_, width in row) for row in page.rows} == {len(layout.columns)}
    assert page.addresses == []  # it asks nothing of any network


def test_latex_has_as_many_cells_in_every_row(layout):
    text = latex([layout])
    columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1]
    assert columns == "".join("l" if column.is_text else "r" for column in layout.columns)
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    for row in rows:
        spanned = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", row))
        assert len(re.findall(r"(?<!\\)&", row)) + 1 + spanned == len(columns)
    assert r"\textbf{26.00 $\pm$ 0.71} & \underline{0.7000 $\pm$ 0.0000}" in text
    begun = re.findall(r"\\begin\{(.*?)\}", text)
    assert re.findall(r"\\end\{(.*?)\}", text) == begun[::-1]
    assert text.isascii()
    used = set(re.findall(r"\\([a-zA-Z]+)", text))
    booktabs = {"toprule", "midrule", "cmidrule", "bottomrule"}
    latex_itself = {"begin", "end", "centering", "caption", "multicolumn", "textbf", "underline", "emph", "pm", "par"}
    assert used <= booktabs | latex_itself | {"smallskip", "footnotesize"}


def test_no_sign_of_a_name_is_taken_for_the_format_s_own(uncanny):
    rows = TableReader(html([uncanny])).rows
    assert [cell[0] for cell in rows[-1]] == [UNCANNY, "1.5 ± 0.1"]
    assert rows[-1][0][1] == "strong"
    text = latex([uncanny])
    plain = re.sub(r"\\text\w+\{\}|\\[&%$#_{}]", "", text)
    body = plain[plain.index(r"\midrule") : plain.index(r"\bottomrule")]
    assert not set("#_~^<>|") & set(body)
    assert len(re.findall(r"(?<!\\)\{", text)) == len(re.findall(r"(?<!\\)\}", text))
    row = markdown([uncanny]).splitlines()[4]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    unescaped = re.sub(r"\\([\\|*_`<\[])", r"\1", row)
    assert UNCANNY in unescaped


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(layout, uncanny, tmp_path):
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + latex([layout, uncanny])
    (tmp_path / "a.tex").write_text(document + r"\end{document}", encoding="utf-8")
    subprocess.run(["pdflatex", "-halt-on-error", "a.tex"], cwd=tmp_path, check=True, capture_output=True)


def test_csv_has_the_numbers_unrounded(layout):
    rows = {(row["method"], row["dataset"]): row for row in csv.DictReader(io.StringIO(comma_separated([layout])))}
    assert len(rows) == 8
    row = rows["proposed", "cells-charge"]
    assert (float(row["psnr"]), float(row["psnr_deviation"])) == pytest.approx((26.0, 0.5**0.5))
    assert (row["psnr_mark"], row["ssim_mark"]) == ("best", "second")
    assert (row["n"], row["failed"], row["missing"]) == ("2", "0", "0")
    assert (row["paper_psnr"], row["paper_ssim"]) == ("27.11", "0.9076")
    assert (row["supervision"], row["budget"], row["steps_least"]) == ("unpaired", "quick steps=200", "200")
    assert (rows["redcnn", "cells-charge"]["psnr"], rows["redcnn", "cells-charge"]["failed"]) == ("", "1")
    assert rows["noisy", "cells-charge"]["psnr_deviation"] == ""


def test_the_terminal_s_table_has_every_cell_and_tells_marks_by_signs(layout):
    screen = Console(file=io.StringIO(), width=400)
    show(layout, screen)
    lines = screen.file.getvalue().splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    shown = [[cell.rstrip(" ★☆") for cell in row] for row in rows if any(row[1:])]
    assert shown == texts(layout)
    (proposed,) = [row for row in rows if row[1] == "proposed"]
    assert proposed[2:4] == ["26.00 ± 0.71 ★", "0.7000 ± 0.0000 ☆"]
    assert [row[0] for row in rows if not any(row[1:])] == [section.title for section in layout.sections]


def test_a_name_is_no_markup_in_the_terminal():
    screen = Console(file=io.StringIO(), width=200)
    show(TableLayout("[red]t", (Column("a"),), (TableSection("", ((TableCell("[bold]x"),),)),)), screen)
    assert "[red]t" in screen.file.getvalue()
    assert "[bold]x" in screen.file.getvalue()


@pytest.mark.parametrize("extension", FORMATS)
def test_the_extension_is_the_format(extension, layout, tmp_path):
    path = tmp_path / "tables" / f"table{extension}"
    write_tables([layout], [path])
    assert path.read_text(encoding="utf-8") == FORMATS[extension]([layout])


def test_nothing_is_written_if_one_file_cannot_be(layout, tmp_path):
    (tmp_path / "b.csv").write_text("mine")
    with pytest.raises(InputError, match=r"b\.csv: exists already"):
        write_tables([layout], [tmp_path / "a.md", tmp_path / "b.csv"])
    with pytest.raises(InputError, match=r"c\.xlsx: tables are written as \.md, \.tex, \.html, \.csv"):
        write_tables([layout], [tmp_path / "a.md", tmp_path / "c.xlsx"])
    assert [path.name for path in tmp_path.iterdir()] == ["b.csv"]
    assert (tmp_path / "b.csv").read_text() == "mine"
    write_tables([layout], [tmp_path / "b.csv"], overwrite=True)
    assert "cells-charge" in (tmp_path / "b.csv").read_text()


def test_several_tables_are_one_file(layout):
    leads = [NAME]
    (other,) = tables([done("iscl", 20.0, budget="paper")])
    both = [layout, lay_out(other, "The paper's budget", leads)]
    assert markdown(both).count("### ") == html(both).count("<table>") == latex(both).count(r"\begin{tabular}") == 2
