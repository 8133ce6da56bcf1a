from __future__ import annotations

import dataclasses
import json
import re

import pytest

from pellucid.assessment import planted
from pellucid.assessment.assess import assess
from pellucid.assessment.error_band import ErrorBand
from pellucid.assessment.page import as_values, write_assessment
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.methods import make_recipe
from pellucid.model import Model
from tests.conftest import be_hasty

from .made import specimens, white

pytestmark = pytest.mark.usefixtures("hasty")

SECTIONS = [
    "Expected quality on your noise",
    "Brightness, contrast, polarity",
    "What was removed",
    "Planted structures",
    "Expected error of each pixel",
    "Seams of tiles",
    "Flicker from section to section",
]


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        be_hasty(patch)
        noisy = [127.5 * (image + 1) for image in white(specimens(2, 64, 9))]
        model = Model.for_images(make_recipe("gaussian", "quick"), noisy, device="cpu")
        clean = open_source(specimens(1, 64)).planes
        return assess(model, open_source(noisy).planes, clean, "<i>nice</i> ones")


@pytest.fixture
def html(found, tmp_path):
    write_assessment(found, tmp_path / "page.html")
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_page_has_every_section_and_needs_no_network(found, html):
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", html)
    assert headings[: len(SECTIONS)] == SECTIONS
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert "://" not in re.sub('data:[^"]+', "", html)
    assert html.count("<svg") == 2
    assert found.verdict[1:].replace("'", "&#39;") in html
    assert "clean images (&lt;i&gt;nice&lt;/i&gt; ones) with noise" in html
    best = found.best_filter.quality.name
    assert f"<figcaption>best filter, {best}" in html
    assert f"pellucid denoise noisy/ out/ --recipe gaussian --set {best.removeprefix('gaussian ')}" in html
    for kind in planted.KINDS:
        assert f'<th scope="row">{kind.name}</th>' in html


def test_a_page_that_exists_stays_unless_it_may_be_replaced(found, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_assessment(found, path)
    assert path.read_text() == "mine"
    write_assessment(found, path, overwrite=True)
    assert path.read_text() != "mine"


@pytest.mark.parametrize(
    ("band", "words"),
    [
        (None, "This method does not predict its error."),
        (ErrorBand(1.0, 0.91, 0.8), "ranked by error as they should be (0.80): a map of it is useful"),
        (ErrorBand(1.0, 0.91, 0.1), "It does not tell good places from bad ones (rank correlation 0.10"),
    ],
)
def test_the_expected_error_is_described_as_it_is(found, band, words, tmp_path):
    write_assessment(dataclasses.replace(found, band=band), tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert words in html
    assert ("91% are within the band" in html) == (band is not None)


def test_values_are_plain_and_in_grey_levels(found):
    told = dataclasses.replace(found, band=ErrorBand(1.5, 0.9, 0.7))
    values = json.loads(json.dumps(as_values(told), allow_nan=False))
    assert values["model"] == "the method gaussian"
    assert values["expected"]["gaussian"]["psnr"]["mean"] == found.denoised.psnr.mean
    assert values["expected_error"] == {"factor": 1.5, "coverage": 0.9, "rank": 0.7, "shown": True}
    assert values["removed"]["deviation"] == pytest.approx(
        found.removed.deviation * (found.range.high - found.range.low) / 2
    )
    assert (values["seams"], values["flicker"], values["repeats"]) == (None, None, None)
    assert len(values["planted"]["kept"]) == len(planted.CONTRASTS) * sum(len(kind.sizes) for kind in planted.KINDS)
