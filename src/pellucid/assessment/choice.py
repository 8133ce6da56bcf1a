"""Which of several runs is best on some noisy images, without their truth; and how often that is right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.assessment.denoising import denoise_pairs
from pellucid.assessment.pseudo_pairs import Pairs, make_pseudo_pairs, read_crops
from pellucid.assessment.quality import Quality, quality
from pellucid.assessment.stacks import read_seen
from pellucid.benchmark.results import Result, RunId, read_results
from pellucid.benchmark.run_spec import SPEC, TRAINING, RunSpec
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.image import Plane
from pellucid.methods.slices import slices_of
from pellucid.model import Model
from pellucid.report import terminal


@dataclass(frozen=True)
class Candidate:
    """A run of a benchmark.

    Attributes:
        run: method and seed, in words.
        expected: mean PSNR on pseudo-pairs, in dB.
        true: mean PSNR on the test images, in dB.
    """

    run: str
    expected: float
    true: float


@dataclass(frozen=True)
class Choice:
    """The runs on one dataset and fold, of which the one with the highest expected PSNR is chosen.

    Attributes:
        case: dataset and fold, in words.
        candidates: at least two.
    """

    case: str
    candidates: Sequence[Candidate]

    @property
    def chosen(self) -> Candidate:
        """The run with the highest expected PSNR."""
        return max(self.candidates, key=lambda each: each.expected)

    @property
    def best(self) -> Candidate:
        """The run with the highest true PSNR."""
        return max(self.candidates, key=lambda each: each.true)

    @property
    def loss(self) -> float:
        """What the choice costs, in dB."""
        return self.best.true - self.chosen.true

    @property
    def rank(self) -> float:
        """Rank correlation of expected and true PSNR."""
        from scipy.stats import spearmanr  # here: it changes the filters of warnings

        expected, true = zip(*((each.expected, each.true) for each in self.candidates), strict=True)
        return float(spearmanr(expected, true).statistic)

    @property
    def bias(self) -> float:
        """Mean of expected less true PSNR, in dB."""
        return float(np.mean([each.expected - each.true for each in self.candidates]))


def expected_quality(models: Sequence[Model], noisy: Sequence[Plane], clean: Sequence[Plane]) -> list[Quality]:
    """The quality of models on pseudo-pairs with the noise of some images.

    Args:
        models: of one intensity range.
        noisy: planes with this noise.
        clean: planes that the noise is put on.

    Raises:
        InputError: images that are too small, or cannot be read.
    """
    pairs = pairs_for(models[0].intensity_range, noisy, clean, most_slices(models))
    with terminal.progress_over(models, "scoring") as scored:
        return [quality(model.name, denoise_pairs(model, pairs), pairs) for model in scored]


def pairs_for(
    intensity_range: IntensityRange, noisy: Sequence[Plane], clean: Sequence[Plane], slices: int = 1
) -> Pairs:
    """Pseudo-pairs with the noise of some images, as stacks of so many slices."""
    clean_range = IntensityRange.from_source(list(clean))
    return make_pseudo_pairs(read_crops(noisy, intensity_range), read_seen(clean, clean_range, slices))


def most_slices(models: Sequence[Model]) -> int:
    """How many slices those of some models see that see the most."""
    return max((slices_of(model.denoiser) for model in models), default=1)


def choices(folder: Path) -> list[Choice]:
    """The choice on each dataset and fold of a benchmark's folder, whose test images have a truth.

    Raises:
        InputError: no dataset has two runs with a truth, or none of them learned from clean images.
    """
    specs = [RunSpec.model_validate_json(path.read_text("utf-8")) for path in sorted(folder.glob(f"runs/*/{SPEC}"))]
    rows = {row.run: row for row in read_results(folder) if row.scores}
    cases: dict[tuple[str, str, int], list[RunSpec]] = defaultdict(list)
    for spec in specs:
        if spec.run in rows:
            cases[spec.run.dataset, spec.run.scheme, spec.run.fold].append(spec)
    found = [
        _choice(f"{dataset}, fold {fold}", case, rows, folder)
        for (dataset, _, fold), case in sorted(cases.items())
        if len(case) > 1 and any("clean" in spec.sources for spec in case)
    ]
    if not found:
        raise InputError(f"{folder}: no dataset has two runs to choose from, of which one learned from clean images")
    return found


def _choice(case: str, specs: Sequence[RunSpec], rows: Mapping[RunId, Result], folder: Path) -> Choice:
    clean = next(spec.sources["clean"] for spec in specs if "clean" in spec.sources)
    models = [_model(spec, rows[spec.run], folder) for spec in specs]
    scores = expected_quality(models, open_source(specs[0].test).planes, open_source(clean).planes)
    return Choice(
        case,
        [
            Candidate(f"{spec.run.method}, seed {spec.run.seed}", score.psnr.mean, rows[spec.run].psnr or 0.0)
            for spec, score in zip(specs, scores, strict=True)
        ],
    )


def _model(spec: RunSpec, row: Result, folder: Path) -> Model:
    trained = spec.folder(folder) / TRAINING
    if trained.is_dir():
        return Model.load(trained)
    return Model.for_images(spec.make_recipe().with_settings(_strength(row)), spec.test)


def _strength(row: Result) -> dict[str, object]:
    """The settings of a filter as they were used, which tuning may have changed."""
    return {key: value for key, value in row.recipe.items() if key in ("sigma", "size") and value is not None}
