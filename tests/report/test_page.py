from __future__ import annotations

import base64
import dataclasses
import io
import re
import shutil
import subprocess
from html.parser import HTMLParser

import imageio.v3 as iio
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.evaluation import evaluate_planes
from pellucid.report.comparison import ImageComparison
from pellucid.report.page import Page, Section, flattened, write_page
from pellucid.report.pictures import image_grid

NASTY = '<script>alert("x")</script> & "quoted" \'names\'.tif'


def make_triple(seed: int = 0, shape: tuple[int, int] = (60, 80)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy, denoised, truth; uint8."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(60, 190, shape)
    noisy, denoised = truth + rng.normal(0, 20, shape), truth + rng.normal(0, 5, shape)
    return tuple(np.clip(np.rint(image), 0, 255).astype(np.uint8) for image in (noisy, denoised, truth))


@pytest.fixture
def full_page(tmp_path) -> Page:
    noisy, denoised, truth = make_triple()
    image_grid([[noisy, denoised]], ["noisy", "denoised"], tmp_path / "preview.png")
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("".join(f'{{"step": {step}, "cycle": {1 / step}}}\n' for step in range(1, 30)))
    return Page(
        title=f"Title {NASTY}",
        summary=f"Summary {NASTY}",
        figures=(
            ImageComparison(f"Figure {NASTY}", noisy, denoised, truth),
            ImageComparison("second", denoised, noisy, truth),
        ),
        evaluation_before=evaluate_planes([(f"Row {NASTY}", noisy, truth)], 255),
        evaluation_after=evaluate_planes([(f"Row {NASTY}", denoised, truth)], 255),
        curves=metrics,
        previews={f"Preview {NASTY}": tmp_path / "preview.png"},
        settings={f"key {NASTY}": NASTY, "loss": {"weight": 30}},
        provenance={"pellucid": "0.1.0"},
        notes=(f"Note {NASTY}",),
    )


class Outline(HTMLParser):
    """Every tag with its attributes, and all text outside of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data):
        if self._open not in ("script", "style"):
            self.text += data

    @property
    def pictures(self) -> list[np.ndarray]:
        addresses = [attributes["src"] for tag, attributes in self.tags if tag == "img" and attributes.get("src")]
        return [iio.imread(io.BytesIO(base64.b64decode(address.split(",", 1)[1])), mode="RGB") for address in addresses]


def written(page: Page, tmp_path) -> str:
    write_page(page, tmp_path / "page.html")
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_page_asks_nothing_of_a_network(full_page, tmp_path):
    html = written(full_page, tmp_path)
    without_pictures = re.sub(r"data:image/png;base64,[\w+/=]+", "", html)
    assert not re.search(r"https?:|//\w+\.|@import|url\((?!#)|fetch\(|XMLHttpRequest", without_pictures)
    for _, attributes in Outline(html).tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "data:").startswith("data:"), (name, attributes)
    assert "default-src 'none'" in html


def test_names_are_escaped_everywhere(full_page, tmp_path):
    html = written(full_page, tmp_path)
    outline = Outline(html)
    assert [tag for tag, _ in outline.tags].count("script") == 1
    assert "<script>alert" not in html
    for part in ("Title", "Summary", "Figure", "Row", "Preview", "key", "Note"):
        assert f"{part} {NASTY}" in outline.text, part


def test_pictures_are_the_images_pixel_for_pixel(full_page, tmp_path):
    pictures = Outline(written(full_page, tmp_path)).pictures
    noisy, denoised, error, preview = (pictures[index] for index in (0, 1, 3, -1))
    assert np.array_equal(noisy[..., 0], full_page.figures[0].noisy)
    assert np.array_equal(denoised[..., 0], full_page.figures[0].denoised)
    assert error.shape == noisy.shape
    assert np.array_equal(preview, iio.imread(full_page.previews[f"Preview {NASTY}"], mode="RGB"))


def test_headline_and_table_state_the_metrics(full_page, tmp_path):
    text = Outline(written(full_page, tmp_path)).text
    before, after = full_page.evaluation_before.mean, full_page.evaluation_after.mean
    for value in (f"{before.psnr:.2f}", f"{after.psnr:.2f}", f"{before.ssim:.3f}", f"{after.ssim:.3f}"):
        assert text.count(value) >= 3  # headline, row, mean
    assert f"+{after.psnr - before.psnr:.2f} dB" in text
    assert "data range 255" in text


def test_a_loss_and_a_perfect_image_are_written_as_such(tmp_path):
    noisy, denoised, truth = make_triple()
    worse = Page(
        "t", "s", (), evaluate_planes([("a", denoised, truth)], 255), evaluate_planes([("a", noisy, truth)], 255)
    )
    assert re.search(r"−\d+\.\d\d dB", Outline(written(worse, tmp_path)).text)
    (tmp_path / "page.html").unlink()
    perfect = dataclasses.replace(worse, evaluation_after=evaluate_planes([("a", truth, truth)], 255))
    assert "+∞ dB" in Outline(written(perfect, tmp_path)).text


def test_without_truth_the_page_shows_the_removed_noise(tmp_path):
    noisy, denoised, _ = make_triple()
    outline = Outline(written(Page("t", "s", (ImageComparison("a", noisy, denoised),)), tmp_path))
    assert "removed noise" in outline.text
    assert "PSNR" not in outline.text
    assert "truth of these images is not known" in outline.text
    removed = noisy.astype(float) - denoised
    assert len(outline.pictures) == 3
    middle = outline.pictures[2][..., 0][np.abs(removed) < 0.01]
    assert set(middle.tolist()) == {128}


def test_large_images_are_cropped_to_their_middle(tmp_path):
    noisy, denoised, truth = make_triple(shape=(40, 1500))
    outline = Outline(written(Page("t", "s", (ImageComparison("a", noisy, denoised, truth),)), tmp_path))
    assert np.array_equal(outline.pictures[0][..., 0], noisy[:, 238:1262])
    assert "the middle of 1500 × 40" in outline.text


def test_three_large_comparisons_stay_below_five_megabytes(tmp_path):
    figures = tuple(ImageComparison(f"{seed}", *make_triple(seed, (512, 512))) for seed in range(3))
    assert len(written(Page("t", "s", figures), tmp_path)) < 5e6


def test_float_images_need_a_display_range(tmp_path):
    noisy, denoised, truth = (image / 255 for image in make_triple())
    with pytest.raises(InputError, match=r"^blob: float64 images need a display range"):
        write_page(Page("t", "s", (ImageComparison("blob", noisy, denoised, truth),)), tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
    html = written(Page("t", "s", (ImageComparison("blob", noisy, denoised, truth, (0, 1)),)), tmp_path)
    assert np.array_equal(Outline(html).pictures[0][..., 0], np.rint(noisy * 255))


def test_images_of_different_shapes_are_named(tmp_path):
    noisy, denoised, truth = make_triple()
    with pytest.raises(InputError, match=r"^blob: truth has shape \(59, 80\)"):
        write_page(Page("t", "s", (ImageComparison("blob", noisy, denoised, truth[1:]),)), tmp_path / "page.html")


def test_metrics_that_do_not_belong_together_are_refused(full_page, tmp_path):
    _, denoised, truth = make_triple()
    other = evaluate_planes([("another", denoised, truth)], 255)
    for after, complaint in ((None, "before and after"), (other, "same images")):
        with pytest.raises(InputError, match=complaint):
            write_page(dataclasses.replace(full_page, evaluation_after=after), tmp_path / "page.html")


def test_previews_that_cannot_be_shown_are_named(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for name, complaint in (("missing.png", "cannot be read"), ("text.png", "only PNG")):
        with pytest.raises(InputError, match=rf"{name}.*{complaint}"):
            write_page(Page("t", "s", previews={"p": tmp_path / name}), tmp_path / "page.html")


def test_nothing_is_overwritten_unasked(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        write_page(Page("t", "s"), path)
    assert path.read_text() == "precious"
    write_page(Page("t", "s"), path, overwrite=True)
    assert "<title>t</title>" in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_nested_settings_become_lines():
    nested = {"seed": 1, "loss": {"weight": 30, "deep": {"er": None}}, "sizes": [64, 32]}
    assert flattened(nested) == [("seed", "1"), ("loss.weight", "30"), ("loss.deep.er", "None"), ("sizes", "64, 32")]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the chromium browser")
def test_a_browser_shows_the_slider_and_enlarges_a_picture(full_page, tmp_path):
    """The second figure is chosen and its error clicked; the page as it is then must tell so."""
    act = 'document.querySelectorAll(".choices button")[1].click(); document.querySelectorAll(".picture")[7].click();'
    html = written(full_page, tmp_path).replace("</body>", f"<script>{act}</script></body>")
    (tmp_path / "acting.html").write_text(html)
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--virtual-time-budget=500",
    ]
    command = [
        "chromium",
        *flags,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        f"file://{tmp_path}/acting.html",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    outline = Outline(shown)
    opened = [attributes for tag, attributes in outline.tags if tag == "dialog"]
    assert "open" in opened[0]
    compare = [attributes for tag, attributes in outline.tags if attributes.get("class") == "compare"]
    assert "hidden" not in compare[0]
    pictures = outline.pictures
    under, over = pictures[0], pictures[1]
    assert np.array_equal(under[..., 0], full_page.figures[1].denoised)
    assert np.array_equal(over[..., 0], full_page.figures[1].noisy)
    assert np.array_equal(pictures[-1], pictures[3 + 7])  # the enlarged picture is the eighth of the page


def test_sections_say_names_as_they_are_and_draw(tmp_path):
    drawing = '<svg viewBox="0 0 1 1"><path d="M0 0"></path></svg>'
    full = Section(f"Heading {NASTY}", (f"Text {NASTY}", "more"), ("", f"Column {NASTY}"), ((NASTY, "1"),), drawing)
    html = written(Page("title", "summary", sections=(full, Section("Alone"))), tmp_path)
    outline = Outline(html)
    for text in (f"Heading {NASTY}", f"Text {NASTY}", f"Column {NASTY}", "Alone"):
        assert text in outline.text
    assert "<script>alert" not in html
    tags = [tag for tag, _ in outline.tags]
    assert (tags.count("svg"), tags.count("table")) == (1, 1)
    assert html.index("Heading") < html.index("<table") < html.index("<svg viewBox") < html.index("Alone")
    numbers = [attributes["id"] for tag, attributes in outline.tags if tag == "h2"]
    assert numbers[:2] == ["section-1", "section-2"]
