from __future__ import annotations

import json

import numpy as np

from pellucid.assessment.fourier_rings import Rings
from pellucid.assessment.page_repeats import repeats_section, repeats_values
from pellucid.assessment.repeats import MeasuredError, Repeats

CURVE = np.array([1.0, 0.9, 0.0])
FOUND = Repeats(
    MeasuredError("noisy", np.array([0.04, 0.05])),
    MeasuredError("ours", np.array([0.004, 0.005])),
    [MeasuredError("gaussian", np.array([0.002, 0.003])), MeasuredError("median", np.array([0.001, 0.009]))],
    brighter=0.02,
    change=-0.0097,
    shift=0.1,
    rings=Rings(np.array([0.0, 0.2, 0.4]), CURVE / 2, CURVE, np.array([1.0, 0.9, np.nan])),
    places=2,
)


def test_the_section_compares_and_warns_of_what_it_cannot_see():
    section = repeats_section(FOUND, 127.5)
    assert [row[0] for row in section.rows] == ["noisy", "ours", "gaussian", "median"]
    assert [row[-1] for row in section.rows] == ["yes", "", "no, it is worse", "not certain"]
    text = " ".join(section.text)
    assert (
        "+2.55 grey levels, which does not count as an error; the results are brighter than their frames by -1.24"
        in text
    )
    assert "falls below 1/7" in text
    assert "Agreement is not truth" in text
    assert "counts as specimen" in text
    assert section.drawing.startswith("<svg")


def test_values_are_plain():
    values = json.loads(json.dumps(repeats_values(FOUND, 127.5), allow_nan=False))
    assert values["psnr"]["ours"]["mean"] > values["psnr"]["noisy"]["mean"] + 9
    assert values["rings"]["truth"] == [1.0, 0.9, None]
    assert 2.5 < values["detail_of_results"] < 3
    assert repeats_values(None, 127.5) is None
