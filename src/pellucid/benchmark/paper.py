"""Table 2 of Lee & Jeong, J. KCGS 27(5), 2021: what the paper reports, beside which our own numbers stand.

Means over four folds of one training each, without a spread; on data of their own, which is not what stand-ins hold.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

NoiseKind = Literal["charge", "film"]


class Figures(NamedTuple):
    """PSNR in dB and SSIM."""

    psnr: float
    ssim: float


class Row(NamedTuple):
    """One method of the table, under the name that it has there."""

    name: str
    charge: Figures
    film: Figures


TABLE_2: dict[str, Row] = {
    "dncnn": Row("DnCNN", Figures(28.27, 0.9172), Figures(27.55, 0.8964)),
    "redcnn": Row("RED-CNN", Figures(28.61, 0.9230), Figures(28.02, 0.9049)),
    "cagan": Row("CaGAN", Figures(28.60, 0.9186), Figures(28.03, 0.9020)),
    "quan": Row("Quan et al.", Figures(22.32, 0.8785), Figures(23.44, 0.8288)),
    "uidnet": Row("UIDNet", Figures(23.11, 0.8592), Figures(21.34, 0.7826)),
    "adn": Row("ADN", Figures(25.67, 0.8686), Figures(24.37, 0.8535)),
    "iscl-batch": Row("ISCL + batch norm", Figures(24.62, 0.8969), Figures(20.63, 0.7568)),
    "iscl-layer": Row("ISCL + layer norm", Figures(24.61, 0.8945), Figures(23.99, 0.8829)),
    "iscl-group": Row("ISCL + group norm", Figures(24.86, 0.9016), Figures(24.74, 0.8879)),
    "iscl-switchable": Row("ISCL + switchable norm", Figures(25.12, 0.9044), Figures(26.80, 0.8948)),
    "iscl": Row("ISCL (batch-instance norm)", Figures(27.12, 0.9054), Figures(27.06, 0.8915)),
    "proposed": Row("Proposed", Figures(27.11, 0.9076), Figures(27.86, 0.8992)),
}
"""By recipe, in the order of the paper."""


def noise_of(case: str) -> NoiseKind | None:
    """The noise of the paper that a case has by its name, if any."""
    kinds: tuple[NoiseKind, ...] = ("charge", "film")
    return next((kind for kind in kinds if kind in case), None)


def reported(recipe: str, case: str) -> Figures | None:
    """What the paper reports for a method under the noise of a case, if it does."""
    row, noise = TABLE_2.get(recipe), noise_of(case)
    return getattr(row, noise) if row and noise else None
