from __future__ import annotations

import json

import pytest
from _results import figures, identity, judged_worse, parser, publish, read, show

ROW = {"recipe": "proposed", "batch": 4, "s": 1.5, "share": 0.6, "time ratio": 0.5, "at": [1, 2]}


def options(*arguments):
    return parser(None).parse_args([str(argument) for argument in arguments])


def kept(path, **changed):
    """The file of an earlier run with this row."""
    show("Table", [ROW | changed], options("--json", path))
    return path


def test_what_is_written_can_be_read_again(tmp_path, capsys):
    path = tmp_path / "folder" / "results.json"
    publish({"One": [ROW], "Two": [{"a": 1, "µs": None}]}, options("--json", path))
    found = read(path)
    assert found["tables"] == {"One": [ROW], "Two": [{"a": 1, "µs": None}]}
    assert set(found) == {"machine", "command", "commit", "date", "tables"}
    assert set(found["machine"]) >= {"cpu", "cores", "threads", "torch"}
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]
    assert "proposed" in capsys.readouterr().out


def test_without_options_the_results_are_a_table_and_a_line_of_json(capsys):
    show("Title", [ROW, ROW | {"batch": 64, "s": 12345.6, "share": None}])
    *table, line = capsys.readouterr().out.splitlines()
    assert table == [
        "Title",
        "recipe    batch       s  share  time ratio   at",
        "proposed      4     1.5    0.6         0.5  1 2",
        "proposed     64  12,346      –         0.5  1 2",
    ]
    assert json.loads(line)["tables"]["Title"][0] == ROW


def test_text_and_whole_numbers_say_what_a_row_is_of():
    assert identity(ROW) == (("recipe", "proposed"), ("batch", 4))
    assert figures(ROW) == ["s", "share", "time ratio"]


@pytest.mark.parametrize(
    ("changed", "worse"),
    [
        ({}, []),
        ({"share": 0.55, "time ratio": 0.54}, []),  # within a tenth
        ({"share": 0.53}, ["share"]),
        ({"time ratio": 0.56}, ["time ratio"]),
        ({"share": 0.9, "time ratio": 0.1}, []),  # better
        ({"s": 99.0}, []),  # seconds belong to the machine
        ({"share": None}, []),
    ],
)
def test_only_shares_and_ratios_are_judged(changed, worse):
    assert judged_worse(ROW | changed, ROW, 0.1) == worse


def test_a_worse_ratio_ends_with_status_1(tmp_path):
    old = kept(tmp_path / "old.json", s=0.5)
    show("Table", [ROW], options("--compare", old))  # slower, but in no ratio
    with pytest.raises(SystemExit, match=r"^worse: proposed, 4: share is 0\.4, was 0\.6$"):
        show("Table", [ROW | {"share": 0.4}], options("--compare", old))
    show("Table", [ROW | {"share": 0.4}], options("--compare", old, "--tolerance", 0.5))


def test_each_figure_is_divided_by_the_one_before(tmp_path, capsys):
    old = kept(tmp_path / "old.json", s=1.0, share=0.3)
    capsys.readouterr()
    show("Another title", [ROW, ROW | {"batch": 8}], options("--compare", old, "--json", tmp_path / "new.json"))
    _, _, _, _, head, *table, end = capsys.readouterr().out.splitlines()
    assert head.startswith("Compared with ")
    assert [line.split() for line in table] == [
        ["recipe", "batch", "s", "*", "share", "time", "ratio"],
        ["proposed", "4", "1.5", "2", "1"],
    ]
    assert end == "nothing is worse by more than 10%"


def test_rows_that_cannot_be_compared_are_no_success(tmp_path):
    old = kept(tmp_path / "old.json")
    with pytest.raises(SystemExit, match="nothing to compare"):
        show("Table", [ROW | {"recipe": "iscl"}], options("--compare", old))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tables": 3, "machine": 1}', '{"tables": {"a": 1}, "machine": 1}'])
def test_a_file_that_holds_no_results_is_refused(tmp_path, text):
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(SystemExit, match=r"old\.json: cannot be read as results"):
        show("Table", [ROW], options("--compare", path))
