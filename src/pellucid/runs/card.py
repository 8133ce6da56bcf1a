"""The card of a saved model: what it is, for people, in Markdown and without names that its user did not give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from pellucid.data.structure_statistics import StructureStatistics
from pellucid.methods import KINDS, method_class
from pellucid.methods.digest import short
from pellucid.runs.stored_model import StoredModel

OF_A_ZIP = """\
```sh
pellucid denoise noisy/ denoised/ --model THIS_FILE.zip
```"""
"""How a saved model is used."""

_LIMITS = """\
- It is for images like those above: the same kind of specimen and noise, and a similar magnification. Pellucid warns of
  images that differ.
- Images of another pixel type need black and white: `--intensity-range BLACK WHITE`.
- It can lose faint structures and make up plausible ones. Do not measure intensities in its output unless you have
  validated that on your own data."""

_NO_MEASURES = """\
None. Where one place was imaged twice, quickly and slowly,
`pellucid evaluate denoised/ truth/ --baseline noisy/` measures PSNR and SSIM."""


def card_text(stored: StoredModel, usage: str = OF_A_ZIP) -> str:
    """Return the card of a model; `usage` says how the file that it comes with is used."""
    title = method_class(stored.recipe.method).title
    sections = {
        "How to use it": usage,
        "What it was trained on": "\n".join(_trained_on(stored)),
        "Known measures": stored.origin.measures or _NO_MEASURES,
        "Limits": _LIMITS,
    }
    facts = "\n".join(f"| {name} | {' '.join(value.split())} |" for name, value in facts_of(stored).items())
    parts = [f"# {title}: a denoiser for microscope images"]
    parts += [stored.origin.description] if stored.origin.description else []
    parts += [f"| | |\n| --- | --- |\n{facts}", *(f"## {heading}\n\n{text}" for heading, text in sections.items())]
    return "\n\n".join(parts) + "\n"


def facts_of(stored: StoredModel) -> Mapping[str, str]:
    """Return what a model is, by name of the fact."""
    recipe, method, origin = stored.recipe, method_class(stored.recipe.method), stored.origin
    pixels = stored.dtype.name if stored.dtype is not None else "any pixel type"
    return {
        "method": f"{method.title} ({method.reference})",
        "recipe": f"{recipe.name}, preset {recipe.preset}, {recipe.steps:,} steps",
        "weights": f"{stored.weights}, {sum(value.numel() for value in stored.denoiser.parameters()):,} parameters",
        "digest": short(stored.digest),
        "trained with": f"Pellucid {origin.pellucid or 'of an unknown version'}",
        "for": f"{pixels}, black {stored.intensity_range.low:g}, white {stored.intensity_range.high:g}",
        "sees": f"{stored.denoiser.halo} pixels around each pixel",
        "authors": ", ".join(origin.authors) or "not stated",
        "licence": origin.licence or "not stated: ask who gave you this model",
    }


def values_of(stored: StoredModel) -> dict[str, Any]:
    """Return what a model is as plain values."""
    recipe, method, origin = stored.recipe, method_class(stored.recipe.method), stored.origin
    return {
        "recipe": recipe.name,
        "preset": recipe.preset,
        "steps": recipe.steps,
        "method": method.title,
        "published": method.reference,
        "weights": stored.weights,
        "parameters": sum(value.numel() for value in stored.denoiser.parameters()),
        "digest": stored.digest,
        "pellucid": origin.pellucid or None,
        "dtype": stored.dtype.name if stored.dtype is not None else None,
        "intensity_range": stored.intensity_range.model_dump(),
        "halo": stored.denoiser.halo,
        "authors": origin.authors,
        "licence": origin.licence or None,
        "description": origin.description or None,
        "measures": origin.measures or None,
        "trained_on": {kind: asdict(amount) for kind, amount in origin.trained_on.items()},
        "structure": asdict(stored.structure) if stored.structure is not None else None,
    }


def _trained_on(stored: StoredModel) -> Iterator[str]:
    for kind, amount in stored.origin.trained_on.items():
        images = f"{amount.images:,} image{'s' * (amount.images != 1)}"
        yield f"- {KINDS.get(kind, kind)}: {images}, {amount.pixels:,} pixels"
    if not stored.origin.trained_on:
        yield "- The number of images is not known."
    if stored.structure is not None:
        yield f"- {structure_line(stored.structure)}"


def structure_line(of: StructureStatistics) -> str:
    """Return what noisy images look like, in the units of their pixels."""
    size = f", structures of about {of.size:.3g} pixels" if of.size is not None else ""
    return (
        f"the noisy images: intensities from {of.lowest:.4g} to {of.highest:.4g}, mean {of.mean:.4g}, contrast "
        f"{of.contrast:.3g}, noise {of.noise:.3g} (standard deviations){size}"
    )
