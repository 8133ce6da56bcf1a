"""What is wrong with one source of images: one check a function, one line a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pellucid.images.inventory import Inventory

#: Fewer pixels than this, a quarter of a megapixel, and a discriminator learns them by heart.
FEWEST_PIXELS = 250_000
_ENOUGH_OF_ONE_IMAGE = 4_000_000
_TINY = 64
_CLIPPED = 0.01
_BARRED = 0.01
_BLOCKY = 1.2
_FEWEST_LEVELS = 32
PIXEL_SIZE_RATIO = 1.1
"""From which on pixels are of two sizes."""


class Finding(NamedTuple):
    """Something that a person should look at before learning.

    Attributes:
        check: what was checked, in a word or two.
        measured: the figure that it was judged by.
        text: what is wrong and what to do, in a line.
    """

    check: str
    measured: float
    text: str


def check_source(name: str, inventory: Inventory) -> list[Finding]:
    """What is wrong with the "clean", "noisy", ... images, the gravest first; empty if nothing was found."""
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
    looks = inventory.looks
    if looks is None or not looks.is_noise:
        return []
    return [
        Finding(
            "no structure",
            looks.structure,
            f"no structure: the {name} images look like noise alone (empty resin, a blank area?); take others",
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
        f"too few pixels: the {name} images have {inventory.pixels / 1e6:.2g} megapixels, at least "
        f"{FEWEST_PIXELS / 1e6:g} are needed and some tens are good; add images"
    )
    return [Finding("too few pixels", inventory.pixels, text)]


def _single(name: str, inventory: Inventory) -> list[Finding]:
    if name == "noisy" or inventory.planes > 1 or not FEWEST_PIXELS <= inventory.pixels < _ENOUGH_OF_ONE_IMAGE:
        return []
    text = (
        f"a single {name} image of {inventory.pixels / 1e6:.2g} megapixels: what it does not show is not learned, "
        "and what it shows may be learned by heart; add images from other places"
    )
    return [Finding("single image", inventory.planes, text)]


def _tiny(name: str, inventory: Inventory) -> list[Finding]:
    tiny = [size for size in inventory.sizes if min(size) < _TINY]
    if not tiny:
        return []
    height, width = min(tiny)
    some = "some " if len(tiny) < len(inventory.sizes) else ""
    text = (
        f"tiny images: {some}{name} images have as few as {height}×{width} pixels, and hardly any structure fits in; "
        f"take images of {_TINY}×{_TINY} or more"
    )
    return [Finding("tiny images", min(min(size) for size in tiny), text)]


def _repeated(name: str, inventory: Inventory) -> list[Finding]:
    if not inventory.repeated:
        return []
    one, other = inventory.repeated[0]
    more = f" and {len(inventory.repeated) - 1} more pairs" if len(inventory.repeated) > 1 else ""
    text = f"the same image twice: {one} and {other}{more} ({name}) are equal, pixel by pixel; keep one of them"
    return [Finding("repeated", len(inventory.repeated), text)]


def _clipped(name: str, inventory: Inventory) -> list[Finding]:
    looks = inventory.looks
    if looks is None or inventory.padding > _BARRED:  # letters in a bar are black and white
        return []
    shares = [(looks.clipped_black, "black"), (looks.clipped_white, "white")]
    return [
        Finding(
            "clipped",
            share,
            f"clipped: {100 * share:.1f} % of the pixels of the {name} images are at {end}, where nothing "
            "can be restored; if the originals hold more, export them again without stretching the contrast",
        )
        for share, end in shares
        if share > _CLIPPED
    ]


def _barred(name: str, inventory: Inventory) -> list[Finding]:
    if inventory.padding <= _BARRED:
        return []
    text = (
        f"bars or canvas: {100 * inventory.padding:.1f} % of the pixels of the {name} images lie in areas of one value "
        "(an info bar, canvas around tissue); nothing is learned there; crop them if letters are burnt in"
    )
    return [Finding("bars", inventory.padding, text)]


def _coarse(name: str, inventory: Inventory) -> list[Finding]:
    faint = inventory.looks is not None and not inventory.looks.has_structure  # noise alone may have few levels
    if faint or not 2 <= inventory.levels < _FEWEST_LEVELS:
        return []
    text = (
        f"coarse grey levels: the {name} images have {inventory.levels} of them, so their steps are taken for "
        "structure; take the originals, before they were reduced to so few"
    )
    return [Finding("coarse grey levels", inventory.levels, text)]


def _compressed(name: str, inventory: Inventory) -> list[Finding]:
    looks = inventory.looks
    if looks is None or looks.blockiness < _BLOCKY:
        return []
    text = (
        f"compressed: the {name} images show the 8×8 blocks of JPEG ({looks.blockiness:.1f} times the steps at their "
        "borders), which are learned as structure; take the originals, in a format that keeps all pixels"
    )
    return [Finding("compressed", looks.blockiness, text)]


def _mixed_pixel_sizes(name: str, inventory: Inventory) -> list[Finding]:
    found = [size.to("nm").values.get("X") for size in inventory.pixel_sizes if size is not None]
    known = [size for size in found if size is not None]
    if len(known) < 2 or max(known) <= PIXEL_SIZE_RATIO * min(known):
        return []
    text = (
        f"mixed magnification: pixels of the {name} images are from {min(known):.4g} to {max(known):.4g} nm; "
        "resample them to one size, or take those of one"
    )
    return [Finding("mixed magnification", max(known) / min(known), text)]
