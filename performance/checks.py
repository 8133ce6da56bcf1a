"""How often a warning is right: false alarms and hits of every check, on images as they are and on altered copies.

Tissue is the phantom's and, with --data, that of real micrographs: the folders that `_alterations.py` names, whichever
are there. Sources of several images are drawn from it, clean and noisy ones from different places; noise of all kinds
is simulated. As they are, nothing is wrong with them: what is said then is a false alarm. Altered, one thing is wrong,
and the check for it has to say so. Thresholds were chosen on the "chosen on" part of the tissue; figures for the
"held out" part, of other seeds, slices, frames and animals, are those to believe.

    python performance/checks.py [--data FOLDER] [--draws 12] [--json FILE]
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
    Case,
    Picture,
    Pictures,
    cases,
    models,
    noisy_copy,
    pictures_of,
    resin,
    saturated,
    tissues,
)
from _results import parser, publish

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.inventory import Inventory, inspect_source
from pellucid.data.source import open_source
from pellucid.data.structure_statistics import structure_statistics, structure_statistics_with_spread
from pellucid.data.training_comparison import compare_with_training
from pellucid.data.unpaired_checks import compare

PARTS = ("chosen on", "held out")
"""Of the tissue, by number."""
OWN_CROPS = 60


class Inspector:
    """Tells what is said of cases; sources that several cases share are inspected once."""

    def __init__(self) -> None:
        self._known: dict[int, Inventory] = {}

    def said(self, case: Case) -> set[str]:
        """The checks that speak."""
        return {finding.check for finding in compare(self._inspected(case.clean), self._inspected(case.noisy))}

    def _inspected(self, pictures: Pictures) -> Inventory:
        if id(pictures) not in self._known:
            self._known[id(pictures)] = inspect_source(open_source(pictures))
        return self._known[id(pictures)]


def said_by_model(trained: Pictures, given: Pictures) -> set[str]:
    """The checks that speak when a model denoises; its range is that of the images it was trained on."""
    looks = structure_statistics_with_spread(trained), structure_statistics(given)
    assert looks[0] is not None
    assert looks[1] is not None
    intensity_range = IntensityRange.from_source(trained)
    return {finding.check for finding in compare_with_training(looks[0], intensity_range, looks[1], intensity_range)}


class Tally:
    """Hits and false alarms, by alteration."""

    def __init__(self) -> None:
        self.draws: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.false: dict[str, Counter[str]] = defaultdict(Counter)

    def note(self, alteration: str, wanted: set[str], found: set[str], true: set[str]) -> None:
        """What was said of a draw; what is true is no false alarm, wanted or not."""
        self.draws[alteration] += 1
        self.hits[alteration] += bool(wanted & found)
        self.false[alteration].update(found - wanted - true - ALSO.get(alteration, set()))

    def rows(self, part: str, tissue_name: str) -> list[dict[str, Any]]:
        """For a table."""
        return [
            {
                "part": part,
                "tissue": tissue_name,
                "alteration": alteration,
                "draws": draws,
                "hits": self.hits[alteration],
                "false": ", ".join(f"{check} {count}" for check, count in self.false[alteration].items()),
            }
            for alteration, draws in self.draws.items()
        ]


def measure(data: Path | None, draws: int, part: int) -> list[dict[str, Any]]:
    """All cases of all tissues of a part."""
    rows = []
    for name, places in tissues(data, part).items():
        tally = Tally()
        for draw in range(draws):
            inspector, rng = Inspector(), np.random.default_rng((part, draw))
            made = cases(places, rng)
            if data is not None and (data / RESIN).is_dir():
                made.append(Case("resin", made[0].clean, resin(data, part, rng), frozenset({"no structure"})))
            for case in made:
                true = saturated(case.clean) | saturated(case.noisy)
                tally.note(case.alteration, set(case.wanted), inspector.said(case), true)
            for alteration, trained, given, wanted in models(places, rng):
                tally.note(alteration, wanted, said_by_model(trained, given), set())
        rows += tally.rows(PARTS[part], name)
        print(f"{PARTS[part]}, {name}: {draws} draws", flush=True)
    return rows


def across(data: Path | None, part: int) -> list[dict[str, Any]]:
    """What is said of clean images of one tissue and noisy ones of another: polarity and size may truly differ."""
    sources = {}
    for name, places in tissues(data, part).items():
        rng = np.random.default_rng(part)
        order = rng.permutation(len(places))[: 2 * IMAGES]
        clean, truth = ([places[int(at)] for at in half] for half in np.array_split(order, 2))
        sources[name] = [inspect_source(open_source(pictures)) for pictures in (clean, noisy_copy(truth, rng))]
    return [
        {"part": PARTS[part], "clean": one, "noisy": other, "said": ", ".join(sorted({f.check for f in found}))}
        for one in sources
        for other in sources
        if one != other
        for found in [compare(sources[one][0], sources[other][1])]
    ]


def own(data: Path) -> list[dict[str, Any]]:
    """In how many of the very images that a model was trained on, and of crops of them, something is called unlike."""
    sets = {folder: pictures for folder in (*FOLDERS, UNLIKE) if (pictures := pictures_of(data / folder))}
    sets["two of each"] = [picture for pictures in sets.values() for picture in pictures[:2]]
    rows, intensity_range = [], IntensityRange.from_limits(0, 255)
    for name, pictures in sets.items():
        rng, trained = np.random.default_rng(0), structure_statistics_with_spread(pictures)
        assert trained is not None
        crops = [_crop(pictures[int(rng.integers(len(pictures)))], rng) for _ in range(OWN_CROPS)]
        said = [
            sum(
                bool(compare_with_training(trained, intensity_range, looks, intensity_range))
                for each in given
                if (looks := structure_statistics([each]))
            )
            for given in (pictures, crops)
        ]
        rows.append(
            {
                "trained on": name,
                "images": len(pictures),
                "told": said[0],
                "crops": len(crops),
                "told of crops": said[1],
            }
        )
    return rows


def _crop(picture: Picture, rng: np.random.Generator) -> Picture:
    """From 256 pixels a side to twice as many across and four times along."""
    height, width = (
        min(size, int(rng.integers(256, most))) for size, most in zip(picture.shape, (513, 1025), strict=True)
    )
    top, left = (int(rng.integers(0, size - cut + 1)) for size, cut in zip(picture.shape, (height, width), strict=True))
    return picture[top : top + height, left : left + width]


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By part and alteration: in how many draws the check for it spoke."""
    totals: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        total = totals.setdefault((row["part"], row["alteration"]), [0, 0])
        total[0] += row["draws"]
        total[1] += row["hits"]
    return [
        {"part": part, "alteration": alteration, "draws": draws, "hits": hits}
        for (part, alteration), (draws, hits) in totals.items()
    ]


def alarms(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By part and check: how often it spoke of something else than what was altered, in how many draws of all kinds."""
    draws: Counter[str] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        draws[row["part"]] += row["draws"]
        for entry in filter(None, row["false"].split(", ")):
            check, _, count = entry.rpartition(" ")
            found[row["part"], check] += int(count)
    return [
        {"part": part, "check": check, "draws": draws[part], "false alarms": count}
        for (part, check), count in sorted(found.items())
    ]


def main() -> None:
    """Measure, print, write."""
    options_parser = parser(__doc__)
    options_parser.add_argument("--data", type=Path, help="folder of real micrographs")
    options_parser.add_argument("--draws", type=int, default=12, help="draws of images from each tissue")
    options_parser.add_argument("--parts", type=int, nargs="+", default=[0, 1], help="0: chosen on, 1: held out")
    options = options_parser.parse_args()
    rows = [row for part in options.parts for row in measure(options.data, options.draws, part)]
    mixed = [row for part in options.parts for row in across(options.data, part)]
    tables = {"hits": summary(rows), "false alarms": alarms(rows), "across tissues": mixed, "cases": rows}
    if options.data is not None:
        tables["of its own images"] = own(options.data)
    publish({title: lines for title, lines in tables.items() if lines}, options)


if __name__ == "__main__":
    main()
