from __future__ import annotations

import dataclasses
import json

import pytest

from pellucid.assessment.flicker import Change, Flicker
from pellucid.assessment.page_consistency import flicker_section, flicker_values, seams_section, seams_values
from pellucid.assessment.seams import Seams

LEVELS = 127.5
STEADY = Flicker(8, 0.9, Change(0.02, 0.02, 0.001), Change(0.1, 0.1, 0.01), Change(0.1, 0.08, 0.05), 0.2, 0.001)


@pytest.mark.parametrize(
    ("seams", "words"),
    [
        (Seams(128, 1.0, 0.0), "There are no seams"),
        (Seams(128, 1.2, 0.0), "A grid may be seen"),
        (Seams(128, 1.0, 0.02), "A grid may be seen"),
        (None, "Not measured"),
    ],
)
def test_seams_are_said_in_words(seams, words):
    (text,) = seams_section(seams, LEVELS).text
    assert words in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "No flicker is seen"),
        ({"brightness": Change(0.02, 0.05, 0.04)}, "flickers in brightness."),
        ({"contrast": Change(0.02, 0.2, 0.2), "brightness": Change(0.02, 0.05, 0.04)}, "in brightness and contrast."),
        ({"alike": 0.1}, "do not show the same structures (correlation 0.10)"),
    ],
)
def test_flicker_is_said_in_words(changed, words):
    section = flicker_section(dataclasses.replace(STEADY, **changed), LEVELS)
    assert words in section.text[0]
    assert bool(section.rows) == ("alike" not in changed)
    assert "4 neighbouring sections" in flicker_section(None, LEVELS).text[0]


def test_values_are_plain_and_in_grey_levels():
    values = json.loads(json.dumps([seams_values(Seams(96, 1.1, 0.1), LEVELS), flicker_values(STEADY, LEVELS)]))
    assert values[0] == {"tile": 96, "ratio": 1.1, "step": pytest.approx(12.75), "visible": True}
    assert values[1]["brightness"]["added"] == pytest.approx(0.1275)
    assert values[1]["contrast"]["added"] == 0.01
    assert not values[1]["visible"]
    assert seams_values(None, LEVELS) is flicker_values(None, LEVELS) is None
