"""Table 2 of Lee & Jeong, J. KCGS 27(5), 2021: the scores of the paper, for comparison with ours.

They are means over four folds with one training each, without a deviation, on data of their own.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

NoiseKind = Literal["charge", "film"]


class PaperScores(NamedTuple):
    """PSNR in dB and SSIM."""

    psnr: float
    ssim: float


class PaperRow(NamedTuple):
    """One method of the table, under its name there."""

    name: str
    charge: PaperScores
    film: PaperScores


TABLE_2: dict[str, PaperRow] = {
    "dncnn": PaperRow("DnCNN", PaperScores(28.27, 0.9172), PaperScores(27.55, 0.8964)),
    "redcnn": PaperRow("RED-CNN", PaperScores(28.61, 0.9230), PaperScores(28.02, 0.9049)),
    "cagan": PaperRow("CaGAN", PaperScores(28.60, 0.9186), PaperScores(28.03, 0.9020)),
    "quan": PaperRow("Quan et al.", PaperScores(22.32, 0.8785), PaperScores(23.44, 0.8288)),
    "uidnet": PaperRow("UIDNet", PaperScores(23.11, 0.8592), PaperScores(21.34, 0.7826)),
    "adn": PaperRow("ADN", PaperScores(25.67, 0.8686), PaperScores(24.37, 0.8535)),
    "iscl-batch": PaperRow("ISCL + batch norm", PaperScores(24.62, 0.8969), PaperScores(20.63, 0.7568)),
    "iscl-layer": PaperRow("ISCL + layer norm", PaperScores(24.61, 0.8945), PaperScores(23.99, 0.8829)),
    "iscl-group": PaperRow("ISCL + group norm", PaperScores(24.86, 0.9016), PaperScores(24.74, 0.8879)),
    "iscl-switchable": PaperRow("ISCL + switchable norm", PaperScores(25.12, 0.9044), PaperScores(26.80, 0.8948)),
    "iscl": PaperRow("ISCL (batch-instance norm)", PaperScores(27.12, 0.9054), PaperScores(27.06, 0.8915)),
    "proposed": PaperRow("Proposed", PaperScores(27.11, 0.9076), PaperScores(27.86, 0.8992)),
}
"""By method, in the order of the paper."""


def noise_of(dataset: str) -> NoiseKind | None:
    """The kind of noise that the name of a dataset ends with, if it is one of the paper's."""
    kinds: tuple[NoiseKind, ...] = ("charge", "film")
    return next((kind for kind in kinds if dataset.endswith(f"-{kind}")), None)


def reported(method: str, dataset: str) -> PaperScores | None:
    """The paper's scores of a method for the noise of a dataset, if it reports them."""
    row, noise = TABLE_2.get(method), noise_of(dataset)
    return getattr(row, noise) if row and noise else None
