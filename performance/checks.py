"""How often a warning is right: false alarms and hits of every check, on unaltered images and on altered copies.

The tissue is the phantom's and, with --data, that of real micrographs: those of the folders named in `_alterations.py`
that exist. Clean and noisy images are drawn from different places; noise of all kinds is simulated. Unaltered images
have no fault, so each warning is a false alarm. Altered images have one fault, which its check must find.
Thresholds were chosen on the split "tuning"; the figures to believe are those of the split "held out", with other
seeds, slices, frames and animals.

    python performance/checks.py [--data FOLDER] [--draws 12] [--splits "held out"] [--json FILE]
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _alterations import (
    ALSO,
    FOLDERS,
    IMAGES,
    RESIN,
    UNLIKE,
    Picture,
    Pictures,
    Trial,
    models,
    noisy_copy,
    pictures_of,
    resin,
    saturated,
    tissues,
    trials,
)
from _results import parser, publish

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.inventory import Inventory, inspect_source
from pellucid.data.source import open_source
from pellucid.data.structure_statistics import structure_statistics, structure_statistics_with_spread
from pellucid.data.training_comparison import compare_with_training
from pellucid.data.unpaired_checks import compare

SPLITS = ("tuning", "held out")
"""Halves of the tissue."""
OWN_CROPS = 60


class Inspector:
    """Runs the checks of trials; sources that several trials share are inspected once."""

    def __init__(self) -> None:
        self._known: dict[int, Inventory] = {}

    def warnings(self, trial: Trial) -> set[str]:
        """The checks that give a warning."""
        return {finding.check for finding in compare(self._inspected(trial.clean), self._inspected(trial.noisy))}

    def _inspected(self, pictures: Pictures) -> Inventory:
        if id(pictures) not in self._known:
            self._known[id(pictures)] = inspect_source(open_source(pictures))
        return self._known[id(pictures)]


def model_warnings(trained: Pictures, given: Pictures) -> set[str]:
    """The checks that give a warning when a model denoises; its intensity range is that of its training images."""
    known, present = structure_statistics_with_spread(trained), structure_statistics(given)
    assert known is not None
    assert present is not None
    intensity_range = IntensityRange.from_source(trained)
    return {finding.check for finding in compare_with_training(known, intensity_range, present, intensity_range)}


class Tally:
    """Hits and false alarms, by alteration."""

    def __init__(self) -> None:
        self.draws: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.false: dict[str, Counter[str]] = defaultdict(Counter)

    def note(self, alteration: str, wanted: set[str], found: set[str], true: set[str]) -> None:
        """Count the warnings of a draw; true ones are not false alarms."""
        self.draws[alteration] += 1
        self.hits[alteration] += bool(wanted & found)
        self.false[alteration].update(found - wanted - true - ALSO.get(alteration, set()))

    def rows(self, split: str, tissue_name: str) -> list[dict[str, Any]]:
        """The rows of the table."""
        return [
            {
                "split": split,
                "tissue": tissue_name,
                "alteration": alteration,
                "draws": draws,
                "hits": self.hits[alteration],
                "false": ", ".join(f"{check} {count}" for check, count in self.false[alteration].items()),
            }
            for alteration, draws in self.draws.items()
        ]


def measure(data: Path | None, draws: int, split: int) -> list[dict[str, Any]]:
    """The rows of all tissues of a split."""
    rows = []
    for name, places in tissues(data, split).items():
        tally = Tally()
        for draw in range(draws):
            inspector, rng = Inspector(), np.random.default_rng((split, draw))
            made = trials(places, rng)
            if data is not None and (data / RESIN).is_dir():
                made.append(Trial("resin", made[0].clean, resin(data, split, rng), frozenset({"no structure"})))
            for trial in made:
                true = saturated(trial.clean) | saturated(trial.noisy)
                tally.note(trial.alteration, set(trial.wanted), inspector.warnings(trial), true)
            for alteration, trained, given, wanted in models(places, rng):
                tally.note(alteration, wanted, model_warnings(trained, given), set())
        rows += tally.rows(SPLITS[split], name)
        print(f"{SPLITS[split]}, {name}: {draws} draws", flush=True)
    return rows


def across(data: Path | None, split: int) -> list[dict[str, Any]]:
    """Warnings for clean images of one tissue and noisy images of another, which may truly differ."""
    sources = {}
    for name, places in tissues(data, split).items():
        rng = np.random.default_rng(split)
        order = rng.permutation(len(places))[: 2 * IMAGES]
        clean, truth = ([places[int(at)] for at in half] for half in np.array_split(order, 2))
        sources[name] = [inspect_source(open_source(pictures)) for pictures in (clean, noisy_copy(truth, rng))]
    return [
        {"split": SPLITS[split], "clean": one, "noisy": other, "warnings": ", ".join(sorted({f.check for f in found}))}
        for one in sources
        for other in sources
        if one != other
        for found in [compare(sources[one][0], sources[other][1])]
    ]


def own(data: Path) -> list[dict[str, Any]]:
    """For how many of a model's own training images, and of crops of them, there is a warning."""
    sets = {folder: pictures for folder in (*FOLDERS, UNLIKE) if (pictures := pictures_of(data / folder))}
    sets["two of each"] = [picture for pictures in sets.values() for picture in pictures[:2]]
    rows, intensity_range = [], IntensityRange.from_limits(0, 255)
    for name, pictures in sets.items():
        rng, trained = np.random.default_rng(0), structure_statistics_with_spread(pictures)
        assert trained is not None
        crops = [_crop(pictures[int(rng.integers(len(pictures)))], rng) for _ in range(OWN_CROPS)]
        warned = [
            sum(
                bool(compare_with_training(trained, intensity_range, statistics, intensity_range))
                for each in given
                if (statistics := structure_statistics([each]))
            )
            for given in (pictures, crops)
        ]
        rows.append(
            {
                "trained on": name,
                "images": len(pictures),
                "warnings": warned[0],
                "crops": len(crops),
                "warnings for crops": warned[1],
            }
        )
    return rows


def _crop(picture: Picture, rng: np.random.Generator) -> Picture:
    """A random crop of 256 to 512 by 256 to 1024 pixels."""
    height, width = (
        min(size, int(rng.integers(256, most))) for size, most in zip(picture.shape, (513, 1025), strict=True)
    )
    top, left = (int(rng.integers(0, size - cut + 1)) for size, cut in zip(picture.shape, (height, width), strict=True))
    return picture[top : top + height, left : left + width]


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By split and alteration: the number of draws in which the check for it gave a warning."""
    totals: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        total = totals.setdefault((row["split"], row["alteration"]), [0, 0])
        total[0] += row["draws"]
        total[1] += row["hits"]
    return [
        {"split": split, "alteration": alteration, "draws": draws, "hits": hits}
        for (split, alteration), (draws, hits) in totals.items()
    ]


def alarms(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By split and check: the number of false alarms, and of all draws."""
    draws: Counter[str] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        draws[row["split"]] += row["draws"]
        for entry in filter(None, row["false"].split(", ")):
            check, _, count = entry.rpartition(" ")
            found[row["split"], check] += int(count)
    return [
        {"split": split, "check": check, "draws": draws[split], "false alarms": count}
        for (split, check), count in sorted(found.items())
    ]


def main() -> None:
    """Measure, print, write."""
    options_parser = parser(__doc__)
    options_parser.add_argument("--data", type=Path, help="folder of real micrographs")
    options_parser.add_argument("--draws", type=int, default=12, help="draws of images from each tissue")
    options_parser.add_argument("--splits", nargs="+", default=SPLITS, choices=SPLITS, help="halves of the tissue")
    options = options_parser.parse_args()
    splits = [SPLITS.index(name) for name in options.splits]
    rows = [row for split in splits for row in measure(options.data, options.draws, split)]
    mixed = [row for split in splits for row in across(options.data, split)]
    tables = {"hits": summary(rows), "false alarms": alarms(rows), "across tissues": mixed, "trials": rows}
    if options.data is not None:
        tables["of its own images"] = own(options.data)
    publish({title: lines for title, lines in tables.items() if lines}, options)


if __name__ == "__main__":
    main()
