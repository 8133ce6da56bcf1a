from __future__ import annotations

import pytest

from pellucid.benchmark.results import read_results

SMALL = ("--images", "4", "--size", "64", "--device", "cpu", "--processes", "1")


def test_a_row_of_a_filter(tmp_path, command):
    result = command("benchmark", "--methods", "noisy", "--folds", "2", *SMALL, "--out", tmp_path)
    assert result.status == 0, result.err
    assert result.out == ""
    (row,) = read_results(tmp_path)
    assert (row.run.method, row.run.fold, row.status, row.run.budget) == ("noisy", 2, "done", "quick seconds=200")
    assert f"noisy, phantom-film, fold 2, seed 0: {row.psnr:.2f} dB, {row.ssim:.4f}" in result.err
    assert result.err.splitlines()[-1].endswith(f"pellucid benchmark table {tmp_path}")


def test_a_dry_run_says_how_long_it_would_take_and_trains_nothing(tmp_path, command):
    options = ("--set", "dncnn.width=2", "dncnn.batch=2", "--steps", "50", "--dry-run", "--folds", "0", "1")
    result = command("benchmark", "--methods", "noisy", "dncnn", *SMALL, *options, "--out", tmp_path)
    assert result.status == 0, result.err
    (row,) = [line for line in result.out.splitlines() if line.startswith("│ dncnn")]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[:5] == ["dncnn", "paired", "2", "50", "2"]
    assert 0 < float(cells[5]) < 10
    assert "total: about" in result.out
    assert not (tmp_path / "runs").exists()
    assert not list(tmp_path.glob("*.sqlite"))


def test_rows_of_a_file_are_not_computed_again(tmp_path, command):
    first, second = tmp_path / "first", tmp_path / "second"
    command("benchmark", "--methods", "noisy", *SMALL, "--out", first)
    assert command("benchmark", "table", first, "--runs", tmp_path / "runs.csv").status == 0
    result = command("benchmark", "--methods", "noisy", *SMALL, "--out", second, "--have", tmp_path / "runs.csv")
    assert result.status == 0, result.err
    assert "noisy, phantom-film, fold 0, seed 0: taken over, of " in result.err
    assert not (second / "runs").exists()
    assert [row.run for row in read_results(second)] == [row.run for row in read_results(first)]
    both = command("benchmark", "table", second, tmp_path / "runs.csv")
    assert "noisy image" in both.out
    again = command("benchmark", "table", first, "--runs", tmp_path / "runs.csv")
    assert (again.status, "exists already" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--methods", "propsed"), "unknown method 'propsed': did you mean 'proposed'?"),
        (("--methods", "iscl", "iscl"), "method 'iscl' is given twice"),
        (("--datasets", "phantom-flim"), "unknown dataset 'phantom-flim': did you mean 'phantom-film'?"),
        (("--folds", "4"), "--folds 4: folds are numbered from 0 to 3"),
        (("--steps", "5", "--seconds", "5"), "--steps and --seconds are two budgets"),
        (("--steps", "0"), "the budget is zero"),
        (("--processes", "0"), "--processes 0: give at least one process"),
        (("--shard", "4/3"), "--shard 4/3: write number/count, as in 3/8"),
        (("--time-limit", "soon"), "--time-limit soon: write a time such as 90s, 9m or 2h"),
        (("--device", "tpu"), "device 'tpu' cannot be used"),
        (("--set", "iscl.width"), "--set iscl.width: write key=value or METHOD.key=value"),
        (("--set", "redcnn.width=3"), "'redcnn' is not among the methods"),
        (("--methods", "iscl", "--set", "widht=3"), "method iscl: unknown setting 'widht': did you mean 'width'?"),
        (("--images", "3"), "dataset phantom-film: 3 images are fewer than the 4 folds"),
        (("--size", "8"), "at least 16"),
        (("--psnr", "nan"), "--psnr nan: give a number, such as 19"),
        (("--have", "nowhere.csv"), "nowhere.csv: cannot be read"),
        (("--noisy-images", "0"), "--noisy-images 0: give at least 1"),
        (("--data", "nowhere"), "--data nowhere: is not a folder. Give FOLDER/clean and FOLDER/noisy"),
    ],
)
def test_wrong_calls_are_refused_in_one_line(arguments, expected, tmp_path, refused):
    methods = () if "--methods" in arguments else ("--methods", "noisy")
    given = dict(zip(SMALL[::2], SMALL[1::2], strict=True))
    rest = [part for option, value in given.items() if option not in arguments for part in (option, value)]
    assert expected in refused("benchmark", *methods, *rest, "--out", tmp_path, *arguments)
    assert not (tmp_path / "runs").exists()
