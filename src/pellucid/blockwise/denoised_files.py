"""The denoised files, and what to tell the user about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid.evaluation import RemovedNoise
from pellucid.io.conversion import ClipReport


@dataclass(frozen=True)
class DenoisedFile:
    """A denoised file.

    Attributes:
        source: path of the noisy image.
        path: of the result.
        clipped: how many pixels had to be clipped to the pixel type.
        missing: number of pixels that are not finite; they are copied unchanged.
        kept: number of padding pixels, copied unchanged.
        removed: statistics of the noise removed from all other pixels.
        chunks: number of missing chunks and of all chunks of the source; None for formats without chunks.
        notes: what the format could not keep.
    """

    source: str
    path: Path
    clipped: ClipReport
    missing: int
    kept: int
    removed: RemovedNoise
    chunks: tuple[int, int] | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}  {self.clipped}; {self.removed}"

    def warnings(self) -> Iterator[tuple[str, str]]:
        """What a person should look at: name of the check, and text."""
        if self.missing:
            yield "missing", f"{self.missing:,} pixels are not-a-number or infinite; they were copied unchanged"
        if self.chunks and self.chunks[0]:
            missing, chunks = self.chunks
            yield "chunks", f"{missing:,} of {chunks:,} chunks were missing in the input, then as now"
        for finding in self.removed.warnings():
            yield finding.check, finding.text
        for note in self.notes:
            yield note, note


def warnings_of(files: Sequence[DenoisedFile]) -> list[str]:
    """The warnings of all files, one line for each kind, with the text of the first file that has it."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for file in files:
        for check, text in file.warnings():
            found.setdefault(check, []).append((file.path, text))
    return [f"{same[0][0]}{_and_others(len(same) - 1)}: {same[0][1]}" for same in found.values()]


def _and_others(count: int) -> str:
    if count == 0:
        return ""
    return f" and {count:,} other{'s' if count > 1 else ''}"


def padding_of(files: Sequence[DenoisedFile]) -> str | None:
    """One line on the padding in denoised files; None if there is none."""
    padded = [file for file in files if file.kept]
    if not padded:
        return None
    share = sum(file.kept for file in files) / sum(file.clipped.pixels for file in files)
    where = padded[0].source if len(files) == 1 else f"in {len(padded)} of {len(files)} images"
    blank = [file for file in padded if file.kept == file.clipped.pixels]
    copied = f" ({len(blank)} of them blank)" if blank and len(files) > 1 else ""
    return f"{where}{copied}: {padding_text(share)}"


def padding_text(share: float) -> str:
    """A sentence on padding that makes up this share of all pixels."""
    percent = f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.2g}"
    return (
        f"{percent} % of all pixels are padding (data bars, and areas of one value: canvas, missing chunks); "
        "they are excluded from all statistics and copied unchanged"
    )
