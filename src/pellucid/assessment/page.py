"""An assessment as a page to look at, and as plain values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.assessment.assess import SHOWN, Assessment
from pellucid.assessment.drawings import planted_drawing, removed_drawing
from pellucid.assessment.page_consistency import flicker_section, flicker_values, seams_section, seams_values
from pellucid.assessment.page_repeats import repeats_section, repeats_values
from pellucid.assessment.planted import CONTRASTS, KINDS
from pellucid.assessment.quality import Quality
from pellucid.assessment.removed import Removed
from pellucid.errors import InputError
from pellucid.evaluation.interval import Interval
from pellucid.files import check_free, refuse_unwritable
from pellucid.report.comparison import ImageComparison
from pellucid.report.page import Page, Section, write_page


def check_page(path: Path, *, overwrite: bool = False) -> None:
    """Check before minutes of computing that the page can be written.

    Raises:
        InputError: it is not called .html, the file exists and `overwrite` is not set, or nothing can be written there.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: a page needs a name that ends in .html")
    check_free(path, overwrite=overwrite)
    refuse_unwritable(path)


def write_assessment(found: Assessment, path: Path, *, overwrite: bool = False) -> None:
    """Write the page.

    Raises:
        InputError: the file exists and `overwrite` is not set.
    """
    page = Page(
        title="How far can these results be trusted?",
        summary=f"{_begun(found.model)}. {_begun(found.verdict)}.",
        sections=_sections(found),
        figures=_figures(found),
        notes=(
            "The truth of your images is not known. Figures in dB are measured on pseudo-pairs: clean images "
            f"({found.clean}) with noise like that of your images, measured in these.",
            "They are as good as this noise and these clean images are like yours. Structures that no clean image has "
            "may be treated worse than the figures say: look at the planted structures, and at the pictures.",
        ),
    )
    write_page(page, path, overwrite)


def _sections(found: Assessment) -> tuple[Section, ...]:
    levels = (found.range.high - found.range.low) / 2
    return (
        _quality(found),
        _tone(found),
        _removed(found),
        _planted(found),
        _error(found),
        seams_section(found.seams, levels),
        flicker_section(found.flicker, levels),
        *([repeats_section(found.repeats, levels)] if found.repeats is not None else []),
    )


def as_values(found: Assessment) -> dict[str, Any]:
    """Everything but the pictures as plain values, for JSON; intensities in grey levels."""
    levels = (found.range.high - found.range.low) / 2
    kept = [
        {"kind": kind, "size": size, "contrast": contrast, "kept": value}
        for (kind, size, contrast), value in found.planted.kept.items()
    ]
    return {
        "model": found.model,
        "verdict": found.verdict,
        "warnings": found.warnings,
        "doubts": found.doubts,
        "expected": {each.name: _quality_values(each) for each in _qualities(found)},
        "best_filter": found.best_filter.command,
        "gain_over_best_filter": found.denoised.gain_over(found.best_filter.quality)._asdict(),
        "brightness_change": found.tone.offset * levels,
        "contrast": found.tone.contrast,
        "polarity": found.tone.polarity,
        "error_of_brightness": found.true_tone.offset * levels,
        "error_of_contrast": found.true_tone.contrast,
        "clipped": {"black": found.clipping.black, "white": found.clipping.white},
        "removed": _removed_values(found.removed, levels),
        "removed_from_pseudo_pairs": _removed_values(found.removed_made, levels),
        "expected_error": None if found.band is None else vars(found.band) | {"shown": found.band.useful},
        "planted": {"kept": kept, "elsewhere": found.planted.elsewhere},
        "noise_alone": vars(found.from_noise),
        "seams": seams_values(found.seams, levels),
        "flicker": flicker_values(found.flicker, levels),
        "repeats": repeats_values(found.repeats, levels),
    }


def _begun(text: str) -> str:
    """As a sentence begins."""
    return text[0].upper() + text[1:]


def _qualities(found: Assessment) -> list[Quality]:
    return [found.noisy, found.denoised, *(each.quality for each in found.filters)]


def _quality(found: Assessment) -> Section:
    rows = [
        (
            f"the model ({each.name})" if each is found.denoised else each.name,
            _interval(each.psnr, 2),
            _interval(each.ssim, 3),
            "–" if each is found.denoised else _interval(found.denoised.gain_over(each), 2),
        )
        for each in _qualities(found)
    ]
    text = [
        "Mean over pseudo-pairs, with the 95 % interval over places. Each filter has the strength that is best here, "
        "which only someone who knows the truth can choose.",
        f"The best filter is beside the model in the pictures below. To denoise with it: {found.best_filter.command}",
        *(f"Not certain: {doubt}." for doubt in found.doubts),
    ]
    columns = ("", "PSNR (dB)", "SSIM", "the model is better by (dB)")
    return Section("Expected quality on your noise", tuple(text), columns, tuple(rows))


def _tone(found: Assessment) -> Section:
    levels = (found.range.high - found.range.low) / 2
    rows = tuple(
        (name, f"{tone.offset * levels:+.2f}", f"{tone.contrast:.3f}", f"{tone.polarity:.3f}")
        for name, tone in (
            ("your images, against the noisy ones", found.tone),
            ("pseudo-pairs, against the noisy ones", found.tone_made),
            ("pseudo-pairs, against the truth", found.true_tone),
        )
    )
    text = (
        "Change of brightness in grey levels; contrast of places of 16 pixels as a multiple; agreement of edges, which "
        "is negative for a negative image. Where noise darkens an image, as charging does, "
        "the result is brighter.",
        *(f"Look at this: {warning}." for warning in found.warnings),
    )
    return Section("Brightness, contrast, polarity", text, ("", "brightness", "contrast", "edges"), rows)


def _removed(found: Assessment) -> Section:
    levels = (found.range.high - found.range.low) / 2
    rows = tuple(
        (
            name,
            f"{each.mean * levels:+.2f}",
            f"{each.deviation * levels:.2f}",
            f"{each.with_edges:.2f}",
            f"{each.with_image:+.2f}",
        )
        for name, each in (("your images", found.removed), ("made like them", found.removed_made))
    )
    text = (
        "What the model removes from your images beside what it removes from images that were made noisy in the same "
        "way. If it is the same, the noise was reproduced, and the figures above hold. If more is removed from yours, "
        "or it goes more with edges, structure may be removed too.",
    )
    columns = ("", "mean", "standard deviation", "goes with edges", "resembles the image")
    return Section("What was removed", text, columns, rows, removed_drawing(found.removed, found.removed_made, levels))


def _planted(found: Assessment) -> Section:
    rows = tuple(
        (kind.name, *(_smallest(found.planted.smallest_kept(kind.name, contrast)) for contrast in CONTRASTS))
        for kind in KINDS
    )
    noise = found.from_noise
    text = (
        "Faint structures of known size and contrast (per cent of black to white) were put into your noisy images. The "
        "table gives the smallest size of which half the contrast is kept; the curves, how much is kept.",
        f"Of noise alone, without any structure, {noise.left:.0%} is left, with {noise.structures:,.0f} structures in "
        f"a megapixel that stand out by {CONTRASTS[0]:.0%}: take no such structure for real.",
    )
    columns = ("", *(f"at {contrast:.0%}" for contrast in CONTRASTS))
    return Section("Planted structures", text, columns, rows, planted_drawing(found.planted))


def _error(found: Assessment) -> Section:
    band = found.band
    if band is None:
        return Section("Expected error of each pixel", ("This method does not predict its error.",))
    told = f"Of the true errors {band.coverage:.0%} are within the band that is meant for 90 %."
    if band.useful:
        told += f" Squares of 8 pixels are ranked by error as they should be ({band.rank:.2f}): a map of it is useful."
    else:
        told += (
            f" It does not tell good places from bad ones (rank correlation {band.rank:.2f}, at least 0.6 is needed), "
            "so no map of it is offered."
        )
    return Section("Expected error of each pixel", (told,))


def _figures(found: Assessment) -> tuple[ImageComparison, ...]:
    crops = zip(found.noisy_crops[:SHOWN], found.denoised_crops[:SHOWN], found.filtered_crops, strict=True)
    name = f"best filter, {found.best_filter.quality.name}"
    low, high = found.range.low, found.range.high
    return tuple(
        ImageComparison(
            f"place {number}",
            found.range.denormalize(np.asarray(noisy)),
            found.range.denormalize(np.asarray(denoised)),
            display_range=(low, high),
            others={name: found.range.denormalize(np.asarray(filtered))},
        )
        for number, (noisy, denoised, filtered) in enumerate(crops, 1)
    )


def _quality_values(each: Quality) -> dict[str, Any]:
    return {"psnr": each.psnr._asdict(), "ssim": each.ssim._asdict()}


def _removed_values(removed: Removed, levels: float) -> dict[str, Any]:
    return {
        "mean": removed.mean * levels,
        "deviation": removed.deviation * levels,
        "by_intensity": [None if math.isnan(value) else value for value in (removed.strength * levels).tolist()],
        "spectrum": (removed.spectrum * levels**2).tolist(),
        "with_edges": removed.with_edges,
        "with_image": removed.with_image,
    }


def _interval(interval: Interval, digits: int) -> str:
    mean = f"{interval.mean:.{digits}f}"
    if interval.low is None or interval.high is None:
        return mean
    return f"{mean} ({interval.low:.{digits}f} to {interval.high:.{digits}f})"


def _smallest(size: int | None) -> str:
    return "none" if size is None else f"{size} px"
