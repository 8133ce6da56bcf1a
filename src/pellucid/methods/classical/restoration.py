"""Non-local means, total variation and wavelet shrinkage by scikit-image (extra: `pip install 'pellucid[classical]'`).

They compute on the CPU. Each must know how strong the noise is, and measures it if nobody says it. The strengths are
those that scikit-image recommends; for total variation it recommends none, and ours was chosen on phantoms.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from pellucid.errors import InputError
from pellucid.methods.classical.filters import Filter, NoiseAwareDenoiser, NoiseRecipe

Plane = NDArray[np.float64]


def restoration() -> Any:
    """The module `skimage.restoration`.

    Raises:
        InputError: scikit-image, or PyWavelets that its wavelets need, is not installed.
    """
    try:
        import pywt  # noqa: F401
        from skimage import restoration
    except ImportError:
        raise InputError(
            "the recipes nlm, tv and wavelet need scikit-image and PyWavelets: pip install 'pellucid[classical]'"
        ) from None
    return restoration


class PlaneDenoiser(NoiseAwareDenoiser):
    """A filter of arrays (Y, X), in float64: long sums in float32 would differ from tile to tile."""

    def remove(self, image: Tensor, sigma: float) -> Tensor:
        """Convert, filter and convert back."""
        plane = image[0, 0].cpu().numpy().astype(np.float64)
        return torch.from_numpy(self.filtered(plane, sigma)).to(image)[None, None]

    @abstractmethod
    def filtered(self, plane: Plane, sigma: float) -> Plane:
        """The plane (Y, X) without its noise of standard deviation `sigma` > 0."""


class NonLocalMeansRecipe(NoiseRecipe):
    """Settings of non-local means."""

    patch_size: int = Field(5, ge=1, le=31, description="side of the patches that are compared, in pixels")
    patch_distance: int = Field(6, ge=1, le=64, description="how far apart they may be, in pixels")
    strength: float = Field(0.8, gt=0, description="bandwidth h, as multiple of the noise's standard deviation")


class NonLocalMeansDenoiser(PlaneDenoiser):
    """Weighted means of pixels with similar surroundings, corrected for the noise in their distance."""

    bytes_per_pixel = 60.0

    def __init__(self, recipe: NonLocalMeansRecipe) -> None:
        super().__init__(recipe)
        self.recipe = recipe
        self.halo = recipe.patch_distance + recipe.patch_size // 2 + 1

    def filtered(self, plane: Plane, sigma: float) -> Plane:
        """By integral images, the fast way."""
        done: Plane = restoration().denoise_nl_means(
            plane,
            patch_size=self.recipe.patch_size,
            patch_distance=self.recipe.patch_distance,
            h=self.recipe.strength * sigma,
            sigma=sigma,
            fast_mode=True,
        )
        return done


class NonLocalMeans(Filter[NonLocalMeansRecipe]):
    """Non-local means: averages similar patches."""

    title = "non-local means"
    reference = "Buades, Coll & Morel, CVPR 2005; Darbon et al., ISBI 2008"
    recipe_type = NonLocalMeansRecipe
    denoiser_type = NonLocalMeansDenoiser


class TotalVariationRecipe(NoiseRecipe):
    """Settings of total variation."""

    strength: float = Field(0.8, gt=0, description="weight of the variation, as multiple of the noise's deviation")
    iterations: int = Field(
        100, ge=1, le=1000, description="steps towards the minimum; a pixel sees as many pixels away"
    )


class TotalVariationDenoiser(PlaneDenoiser):
    """The image u that minimises ½‖u − x‖² + w·Σ|∇u| (Rudin, Osher & Fatemi).

    A fixed number of iterations, each of which looks one pixel further: so tiles give the same pixels as the whole.
    """

    bytes_per_pixel = 120.0

    def __init__(self, recipe: TotalVariationRecipe) -> None:
        super().__init__(recipe)
        self.recipe = recipe
        self.halo = recipe.iterations

    def filtered(self, plane: Plane, sigma: float) -> Plane:
        """By Chambolle's projections."""
        done: Plane = restoration().denoise_tv_chambolle(
            plane, weight=self.recipe.strength * sigma, eps=0, max_num_iter=self.recipe.iterations
        )
        return done


class TotalVariation(Filter[TotalVariationRecipe]):
    """Total variation: favours piecewise constant images."""

    title = "total variation"
    reference = "Rudin, Osher & Fatemi, Physica D 60, 1992; Chambolle, J. Math. Imaging Vis. 20, 2004"
    recipe_type = TotalVariationRecipe
    denoiser_type = TotalVariationDenoiser


class WaveletRecipe(NoiseRecipe):
    """Settings of wavelet shrinkage."""

    wavelet: str = Field("sym4", description="an orthogonal wavelet, by its name in PyWavelets")


class WaveletDenoiser(PlaneDenoiser):
    """Wavelet coefficients, drawn towards 0 by a threshold for each band.

    The thresholds depend on the whole image, so there are no tiles.
    """

    halo = 0
    whole = True
    bytes_per_pixel = 60.0

    def __init__(self, recipe: WaveletRecipe) -> None:
        super().__init__(recipe)
        self.wavelet = recipe.wavelet
        self._valid: NDArray[np.bool_] | None = None

    def fit_image(self, image: Tensor, valid: Tensor | None = None) -> Self:
        """The filter that fills padding with the image itself, or padding would lower the thresholds."""
        fitted = super().fit_image(image, valid)
        fitted._valid = None if valid is None else valid[0, 0].numpy()
        return fitted

    def filtered(self, plane: Plane, sigma: float) -> Plane:
        """By the thresholds σ²/σ_band of BayesShrink."""
        module = restoration()
        if self._valid is not None:
            plane = repeated(plane, self._valid)
        try:
            done: Plane = module.denoise_wavelet(plane, sigma=sigma, wavelet=self.wavelet, method="BayesShrink")
        except ValueError as problem:
            raise InputError(f"wavelet={self.wavelet!r}: {str(problem).splitlines()[0]}") from None
        return done


def repeated(plane: Plane, valid: NDArray[np.bool_]) -> Plane:
    """A plane whose other pixels are filled with repetitions of its valid ones, row by row; some must be valid."""
    filled = plane.copy()
    showing = np.flatnonzero(valid.any(1))
    for row in showing:
        filled[row, ~valid[row]] = np.resize(plane[row, valid[row]], np.count_nonzero(~valid[row]))
    blank = np.flatnonzero(~valid.any(1))
    filled[blank] = filled[np.resize(showing, len(blank))]
    return filled


class Wavelet(Filter[WaveletRecipe]):
    """Wavelet shrinkage: few coefficients hold the image, all of them hold the noise."""

    title = "wavelet"
    reference = "Chang, Yu & Vetterli, IEEE TIP 9(9), 2000"
    recipe_type = WaveletRecipe
    denoiser_type = WaveletDenoiser
