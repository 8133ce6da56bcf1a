"""One self-contained HTML page about a run: numbers, pictures before and after, curves, settings, provenance."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.evaluation import Evaluation, RemovedNoise, Score, removed_noise
from pellucid.files import replacing
from pellucid.report.comparison import ImageComparison, colour_bar_css, comparison_pictures, png_data_url
from pellucid.report.curves import curves_svg

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """A part of a page: what was found, in words, numbers and a drawing.

    Attributes:
        heading: in a few words.
        text: what it means, a paragraph each.
        columns: headings of the table; the first column holds names.
        rows: of the table.
        drawing: an `<svg>` element that `report.svg` made.
    """

    heading: str
    text: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    drawing: str | None = None


@dataclass(frozen=True)
class Page:
    """The content of a report. A section without content is omitted.

    Attributes:
        title: the headline.
        summary: one sentence below it.
        figures: images before and after; the first is shown largest.
        evaluation_before: metrics of the noisy images against the truth.
        evaluation_after: metrics of the denoised images, of the same names in the same order.
        curves: the metrics file of a run (JSON lines of losses).
        previews: PNG pictures made during training, by caption.
        settings: the recipe; may be nested.
        provenance: version, seed, data, machine; may be nested.
        notes: remarks for the reader, a paragraph each.
        sections: findings, above the images.
    """

    title: str
    summary: str
    figures: tuple[ImageComparison, ...] = ()
    evaluation_before: Evaluation | None = None
    evaluation_after: Evaluation | None = None
    curves: str | os.PathLike[str] | None = None
    previews: Mapping[str, str | os.PathLike[str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True)
class Gain:
    """The metrics of one image before and after denoising."""

    name: str
    before: Score
    after: Score

    @property
    def psnr(self) -> float:
        """The gain in PSNR, in dB."""
        return self.after.psnr - self.before.psnr

    @property
    def ssim(self) -> float:
        """The gain in SSIM."""
        return self.after.ssim - self.before.ssim


def write_page(page: Page, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write the report as one HTML file that needs no network.

    Args:
        page: its content.
        path: the file to write.
        overwrite: whether an existing file may be replaced.

    Raises:
        InputError: the file exists and `overwrite` is not set, or pictures, metrics or curves cannot be used.
        RunError: the disk is full.
    """
    with replacing(Path(path), overwrite=overwrite) as temporary:
        temporary.write_text(render(page), encoding="utf-8")


def render(page: Page) -> str:
    """The HTML of a page.

    Raises:
        InputError: pictures, metrics or curves that cannot be used.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, signed=_signed, to_scale=_to_scale)
    gains, mean = _gains(page)
    return environment.get_template("page.html.j2").render(
        page=page,
        figures=[comparison_pictures(image) for image in page.figures],
        removed=_removed(page),
        with_truth=any(image.truth is not None for image in page.figures),
        colour_bar=colour_bar_css(),
        gains=gains,
        mean=mean,
        data_range=page.evaluation_after.data_range if page.evaluation_after else None,
        drawings=[Markup(section.drawing) if section.drawing else None for section in page.sections],
        curves=Markup(curves_svg(page.curves)) if page.curves is not None else None,
        previews={caption: _preview(file) for caption, file in page.previews.items()},
        settings=flattened(page.settings),
        provenance=flattened(page.provenance),
    )


def flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as lines: {"loss": {"weight": 30}} is "loss.weight" and "30"."""
    lines: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += flattened(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            lines.append((f"{prefix}{key}", ", ".join(map(str, value))))
        else:
            lines.append((f"{prefix}{key}", str(value)))
    return lines


def _gains(page: Page) -> tuple[list[Gain], Gain | None]:
    before, after = page.evaluation_before, page.evaluation_after
    if before is None or after is None:
        if before is not after:
            raise InputError("a report needs the metrics before and after denoising, or neither")
        return [], None
    if [row.name for row in before.rows] != [row.name for row in after.rows] or before.data_range != after.data_range:
        raise InputError("the metrics before and after must be of the same images, measured with the same data range")
    rows = [Gain(old.name, old, new) for old, new in zip(before.rows, after.rows, strict=True)]
    return rows, Gain("mean", before.mean, after.mean)


def _removed(page: Page) -> list[tuple[str, RemovedNoise]]:
    """Statistics of the removed noise of each image whose truth is not known."""
    without_truth = [image for image in page.figures if image.truth is None]
    return [(each.name, removed_noise(each.noisy, each.denoised)) for each in without_truth]


def _preview(file: str | os.PathLike[str]) -> str:
    try:
        return png_data_url(Path(file).read_bytes())
    except OSError as error:
        raise InputError(f"{file}: the preview cannot be read ({error.strerror})") from error
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _number(value: float, digits: int) -> str:
    text = f"{value:z.{digits}f}"
    return text.replace("inf", "∞").replace("-", "−")


def _signed(value: float, digits: int) -> str:
    return "–" if value != value else ("" if value < 0 else "+") + _number(value, digits)


def _to_scale(value: float, scale: float) -> str:
    """The value to the precision of three significant digits of `scale`: a mean far below the deviation reads 0.00."""
    digits = 2 - math.floor(math.log10(scale)) if scale > 0 else 2
    return _number(value, max(0, digits))
