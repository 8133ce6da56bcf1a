"""Checks of one source: one function per check, one line per finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pellucid.data.inventory import Inventory

#: With fewer pixels than this, a quarter of a megapixel, a network memorises them.
FEWEST_PIXELS = 250_000
_ENOUGH_OF_ONE_IMAGE = 4_000_000
_TINY = 64
_CLIPPED = 0.01
_BARRED = 0.01
_BLOCKY = 1.2
_FEWEST_LEVELS = 32
PIXEL_SIZE_RATIO = 1.1
"""Ratio from which two pixel sizes count as different."""


class Finding(NamedTuple):
    """A problem of the images that the user should look at.

    Attributes:
        check: name of the check, a word or two.
        measured: the value that exceeded the check's limit.
        text: what is wrong and what to do, in one line.
    """

    check: str
    measured: float
    text: str


def check_source(name: str, inventory: Inventory) -> list[Finding]:
    """Problems of the "clean", "noisy", ... images, the most serious first; empty if there are none."""
    checks = (
        _nothing_to_see,
        _constant_planes,
        _too_few,
        _single,
        _tiny,
        _repeated,
        _clipped,
        _barred,
        _coarse,
        _compressed,
        _mixed_pixel_sizes,
    )
    return [finding for check in checks for finding in check(name, inventory)]


def _nothing_to_see(name: str, inventory: Inventory) -> list[Finding]:
    statistics = inventory.statistics
    if statistics is None or not statistics.is_noise:
        return []
    return [
        Finding(
            "no structure",
            statistics.structure,
            f"no structure: the {name} images look like pure noise (empty resin, a blank area?); use others",
        )
    ]


def _constant_planes(name: str, inventory: Inventory) -> list[Finding]:
    if not inventory.constant:
        return []
    others = f" and {len(inventory.constant) - 1} more" if len(inventory.constant) > 1 else ""
    text = f"constant: all pixels are equal in {inventory.constant[0]}{others} ({name}); leave it out"
    return [Finding("constant", len(inventory.constant), text)]


def _too_few(name: str, inventory: Inventory) -> list[Finding]:
    if inventory.pixels >= FEWEST_PIXELS:
        return []
    text = (
        f"too few pixels: the {name} images have {inventory.pixels / 1e6:.2g} megapixels in total; at least "
        f"{FEWEST_PIXELS / 1e6:g} are needed, some tens are better; add images"
    )
    return [Finding("too few pixels", inventory.pixels, text)]


def _single(name: str, inventory: Inventory) -> list[Finding]:
    if name == "noisy" or inventory.planes > 1 or not FEWEST_PIXELS <= inventory.pixels < _ENOUGH_OF_ONE_IMAGE:
        return []
    text = (
        f"a single {name} image of {inventory.pixels / 1e6:.2g} megapixels: the model cannot learn what it does not "
        "show, and may memorise what it does; add images of other areas"
    )
    return [Finding("single image", inventory.planes, text)]


def _tiny(name: str, inventory: Inventory) -> list[Finding]:
    tiny = [size for size in inventory.sizes if min(size) < _TINY]
    if not tiny:
        return []
    height, width = min(tiny)
    some = "some " if len(tiny) < len(inventory.sizes) else ""
    text = (
        f"tiny images: {some}{name} images have as few as {height}×{width} pixels, too small for most structures; "
        f"use images of {_TINY}×{_TINY} or more"
    )
    return [Finding("tiny images", min(min(size) for size in tiny), text)]


def _repeated(name: str, inventory: Inventory) -> list[Finding]:
    if not inventory.repeated:
        return []
    one, other = inventory.repeated[0]
    more = f" and {len(inventory.repeated) - 1} more pairs" if len(inventory.repeated) > 1 else ""
    text = f"the same image twice: {one} and {other}{more} ({name}) are identical; keep one of them"
    return [Finding("repeated", len(inventory.repeated), text)]


def _clipped(name: str, inventory: Inventory) -> list[Finding]:
    statistics, clipping = inventory.statistics, inventory.clipping
    if name == "noisy" and clipping.matters:
        text = f"clipped: in the noisy images {clipping.text}"
        return [Finding("clipped", max(clipping.black, clipping.white), text)]
    if statistics is None or inventory.padding > _BARRED:  # letters in a bar are black and white
        return []
    shares = [(statistics.clipped_black, "black"), (statistics.clipped_white, "white")]
    return [
        Finding(
            "clipped",
            share,
            f"clipped: {100 * share:.1f} % of the pixels of the {name} images are exactly {end}; detail there is lost. "
            "If the originals still have it, export them again without stretching the contrast",
        )
        for share, end in shares
        if share > _CLIPPED
    ]


def _barred(name: str, inventory: Inventory) -> list[Finding]:
    if inventory.padding <= _BARRED:
        return []
    text = (
        f"bars or canvas: {100 * inventory.padding:.1f} % of the pixels of the {name} images lie in areas of one value "
        "(an info bar, canvas around tissue); nothing is learned there; crop them off if they contain text"
    )
    return [Finding("bars", inventory.padding, text)]


def _coarse(name: str, inventory: Inventory) -> list[Finding]:
    faint = (
        inventory.statistics is not None and not inventory.statistics.has_structure
    )  # pure noise may have few levels
    if faint or not 2 <= inventory.levels < _FEWEST_LEVELS:
        return []
    text = (
        f"coarse grey levels: the {name} images have only {inventory.levels}, so the steps between them are learned "
        "as structure; use the originals, from before the reduction"
    )
    return [Finding("coarse grey levels", inventory.levels, text)]


def _compressed(name: str, inventory: Inventory) -> list[Finding]:
    statistics = inventory.statistics
    if statistics is None or statistics.blockiness < _BLOCKY:
        return []
    text = (
        f"compressed: the {name} images show JPEG's 8×8 blocks (steps at block borders are {statistics.blockiness:.1f} "
        "times those elsewhere), which are learned as structure; use the originals, in a lossless format"
    )
    return [Finding("compressed", statistics.blockiness, text)]


def _mixed_pixel_sizes(name: str, inventory: Inventory) -> list[Finding]:
    found = [size.to("nm").values.get("X") for size in inventory.pixel_sizes if size is not None]
    known = [size for size in found if size is not None]
    if len(known) < 2 or max(known) <= PIXEL_SIZE_RATIO * min(known):
        return []
    text = (
        f"mixed magnification: the pixel sizes of the {name} images range from {min(known):.4g} to "
        f"{max(known):.4g} nm; resample them to one size, or use those of one size only"
    )
    return [Finding("mixed magnification", max(known) / min(known), text)]
