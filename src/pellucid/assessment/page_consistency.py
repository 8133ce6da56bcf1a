"""The parts of an assessment's page on tiles and on neighbouring sections, and the same as plain values."""

from __future__ import annotations

from typing import Any

from pellucid.assessment.flicker import FEWEST, Change, Flicker
from pellucid.assessment.seams import Seams
from pellucid.report.page import Section


def seams_section(seams: Seams | None, levels: float) -> Section:
    """What tiles do.

    Args:
        seams: as measured; None if they were not.
        levels: grey levels in one unit of intensity.
    """
    if seams is None:
        text = "Not measured: the method takes images only as a whole, or these are too small to be cut."
        return Section("Seams of tiles", (text,))
    told = (
        f"Your images were denoised in tiles of {seams.side} pixels, and without borders at the same places. Across "
        f"the borders, steps from pixel to pixel are {seams.ratio:.3f} times as large as without them, and differ by "
        f"{seams.step * levels:.2g} grey levels. "
    )
    return Section("Seams of tiles", (told + ("A grid may be seen." if seams.visible else "There are no seams."),))


def flicker_section(flicker: Flicker | None, levels: float) -> Section:
    """What changes from section to section; arguments as of `seams_section`."""
    heading = "Flicker from section to section"
    if flicker is None:
        text = f"Not measured: it takes {FEWEST} neighbouring sections of a volume or series."
        return Section(heading, (text,))
    if not flicker.known:
        text = (
            f"Not measured: neighbouring images do not show the same structures (correlation {flicker.alike:.2f}). If "
            "they are sections of a volume, they are too far apart."
        )
        return Section(heading, (text,))
    seen = [
        name
        for name, flickers in (("brightness", flicker.in_brightness), ("contrast", flicker.in_contrast))
        if flickers
    ]
    text = (
        f"Changes between {flicker.sections} neighbouring sections, root mean square. Milling steps and charging "
        "change the specimen's images too: only what does not follow the noisy images counts as added by the model. "
        f"Brightness: {flicker.brightness.added / max(flicker.noise, 1e-9):.1%} of the noise is added from section to "
        f"section. {'It flickers in ' + ' and '.join(seen) if seen else 'No flicker is seen'}."
    )
    rows = (
        ("brightness, grey levels", *_change(flicker.brightness, levels, 2)),
        ("contrast, per cent", *_change(flicker.contrast, 100, 1)),
        ("places of 16 pixels, grey levels", *_change(flicker.places, levels, 2)[:2], "–"),
    )
    return Section(heading, (text,), ("change of", "noisy images", "results", "added"), rows)


def seams_values(seams: Seams | None, levels: float) -> dict[str, Any] | None:
    """As plain values; intensities in grey levels."""
    if seams is None:
        return None
    return {"tile": seams.side, "ratio": seams.ratio, "step": seams.step * levels, "visible": seams.visible}


def flicker_values(flicker: Flicker | None, levels: float) -> dict[str, Any] | None:
    """Likewise."""
    if flicker is None:
        return None
    scaled = (
        ("brightness", flicker.brightness, levels),
        ("contrast", flicker.contrast, 1),
        ("places", flicker.places, levels),
    )
    return {
        "sections": flicker.sections,
        "alike": flicker.alike,
        "known": flicker.known,
        "visible": flicker.in_brightness or flicker.in_contrast,
        **{name: {key: value * scale for key, value in vars(change).items()} for name, change, scale in scaled},
    }


def _change(change: Change, scale: float, digits: int) -> tuple[str, str, str]:
    noisy, denoised, added = (f"{value * scale:.{digits}f}" for value in (change.noisy, change.denoised, change.added))
    return noisy, denoised, added
