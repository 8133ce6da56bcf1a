from __future__ import annotations

from pathlib import Path

from pellucid.blockwise.denoised_files import DenoisedFile, warnings_of
from pellucid.evaluation import PairMoments, RemovedNoise
from pellucid.io.conversion import ClipReport


def written(path, **known):
    usual = {
        "clipped": ClipReport(0, 100),
        "missing": 0,
        "kept": 0,
        "removed": RemovedNoise(),
        "chunks": None,
        "notes": (),
    }
    return DenoisedFile(source=f"in/{path}", path=Path(path), **{**usual, **known})


def test_a_thousand_files_have_a_warning_of_each_kind():
    darker = RemovedNoise(PairMoments(9, 50.0, 50.0, 9.0, 9.0, 0.0))
    files = [written(f"{n}.png", removed=darker, notes=("no pixel size",)) for n in range(1000)]
    files[7] = written("7.png", missing=3)
    files[8] = written("8.png", missing=4, chunks=(2, 10))
    told = dict(line.split(": ", 1) for line in warnings_of(files))
    assert told["7.png and 1 other"].startswith("3 pixels are not-a-number")
    assert told["8.png"] == "2 of 10 chunks were missing in the input, then as now"
    several = [line for line in warnings_of(files) if line.startswith("0.png and 997 others: ")]
    assert len(several) == 2
    assert "the result is darker by 50" in several[0]
    assert "no pixel size" in several[1]
    assert len(warnings_of(files)) == 4
    assert warnings_of([written("a.png")]) == []
