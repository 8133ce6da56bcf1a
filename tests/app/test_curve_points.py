from __future__ import annotations

import json
import math
import tracemalloc
from pathlib import Path

import numpy as np

from pellucid.app.curve_points import MOST, CurveReader, ThinCurve


def open_files():
    """Their number, where the system tells it."""
    table = Path("/proc/self/fd")
    return len(list(table.iterdir())) if table.is_dir() else 0


def write(path, steps, mode="a", **losses):
    with path.open(mode, encoding="utf-8") as file:
        for step in steps:
            file.write(json.dumps({"step": step, **{name: of(step) for name, of in losses.items()}}) + "\n")


def test_a_short_curve_keeps_every_value(tmp_path):
    write(tmp_path / "metrics.jsonl", range(1, 6), error=float)
    reader = CurveReader(tmp_path / "metrics.jsonl")
    reader.read()
    assert [(point.step, point.mean) for point in reader.curves["error"].points] == [(n, n) for n in range(1, 6)]
    assert reader.step == 5


def test_a_long_curve_stays_light_and_true():
    values = np.random.default_rng(0).normal(size=100_000).cumsum()
    curve = ThinCurve()
    for step, value in enumerate(values, start=1):
        curve.add(step, float(value))
    assert MOST / 2 <= len(curve.points) <= MOST
    assert sum(point.count for point in curve.points) == len(values)
    assert min(point.low for point in curve.points) == values.min()
    assert max(point.high for point in curve.points) == values.max()
    for point in curve.points:
        part = values[point.step - 1 : point.step - 1 + point.count]
        np.testing.assert_allclose(point.mean, part.mean())
        assert (point.low, point.high) == (part.min(), part.max())


def test_what_is_added_is_read_once_and_what_is_half_written_later(tmp_path):
    path = tmp_path / "metrics.jsonl"
    reader = CurveReader(path)
    reader.read()  # not there yet
    assert reader.curves == {}
    write(path, [1], error=float)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 2, "err')
    reader.read()
    assert reader.step == 1
    with path.open("a", encoding="utf-8") as file:
        file.write('or": 2.0}\n')
    reader.read()
    reader.read()
    assert [point.mean for point in reader.curves["error"].points] == [1.0, 2.0]


def test_a_resumed_run_that_forgets_steps_is_read_anew(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 100), error=float)
    reader = CurveReader(path)
    reader.read()
    write(tmp_path / "new", range(1, 51), error=lambda step: -float(step))
    (tmp_path / "new").replace(path)
    reader.read()
    assert reader.step == 50
    assert reader.curves["error"].points[-1].mean == -50
    path.unlink()
    reader.read()
    assert reader.curves == {}


def test_what_is_no_loss_leaves_no_trace(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [
        '{"step": 1, "error": NaN, "note": "a", "flag": true}',
        "[1]",
        '{"error": 1}',
        "{",
        '{"step": 2, "error": 3}',
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    reader = CurveReader(path)
    reader.read()
    assert [(point.step, point.mean) for point in reader.curves["error"].points] == [(2, 3.0)]
    assert all(math.isfinite(point.mean) for curve in reader.curves.values() for point in curve.points)


def test_a_thousand_looks_hold_no_files_and_no_memory(tmp_path):
    path = tmp_path / "metrics.jsonl"
    reader = CurveReader(path)
    write(path, range(1, 20_001), error=math.sqrt, other=math.log)
    reader.read()
    files = open_files()
    tracemalloc.start()
    for look in range(1000):
        write(path, range(20_001 + 20 * look, 20_021 + 20 * look), error=math.sqrt, other=math.log)
        reader.read()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reader.step == 40_000
    assert grown < 500_000
    assert open_files() == files
