"""PSNR and SSIM in float64, with a data range that the caller must give; scikit-image, not required, agrees in tests.

Pixels that are masked in either image of a pair (`numpy.ma`) do not count, nor do windows of SSIM that contain one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.errors import InputError

Floats = NDArray[np.float64]

K1, K2 = 0.01, 0.03
WINDOW = 7


def psnr(prediction: ArrayLike, reference: ArrayLike, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(data_range² / mean squared error).

    Args:
        prediction: image of any shape; any real dtype.
        reference: image of the same shape; the dtype may differ.
        data_range: distance between the largest and the smallest possible value (255 for 8 bits).

    Returns:
        The ratio in dB; infinity if the two are identical.

    Raises:
        InputError: shapes that differ, NaN or infinite pixels, a data range that is not positive.
    """
    predicted, true = _checked(prediction, reference, data_range)
    counted = _counted(prediction, reference)
    error = float(np.mean(np.square(predicted - true), where=True if counted is None else counted))
    return math.inf if error == 0 else 10 * math.log10(float(data_range) ** 2 / error)


def ssim(prediction: ArrayLike, reference: ArrayLike, data_range: float) -> float:
    """Mean structural similarity over a uniform 7×7 window with sample covariance.

    This is the default of scikit-image, hence what papers that use it report. The 3 pixels along each border do not
    count. For n dimensions the window has 7 pixels along each axis: pass single planes for values by plane.

    Args:
        prediction: image of at least 7 pixels along every axis; any real dtype.
        reference: image of the same shape; the dtype may differ.
        data_range: distance between the largest and the smallest possible value (255 for 8 bits).

    Returns:
        A number of at most 1, the value for identical images.

    Raises:
        InputError: shapes that differ or are too small, NaN or infinite pixels, a data range that is not positive.
    """
    similarity = ssim_map(prediction, reference, data_range)
    counted = _counted(prediction, reference)
    if counted is None:
        return float(similarity.mean())
    whole = _without_border(_whole_windows(counted))
    if not whole.any():
        raise InputError(f"no {WINDOW}×{WINDOW} pixels are free of masked ones: SSIM is not defined")
    return float(similarity.mean(where=whole))


def ssim_map(prediction: ArrayLike, reference: ArrayLike, data_range: float) -> Floats:
    """The values of which `ssim` is the mean: one per pixel, without the 3 along each border.

    Args, errors: as `ssim`. The result is 6 shorter than the images along every axis.
    """
    predicted, true = _checked(prediction, reference, data_range, smallest=WINDOW)
    return _without_border(_similarity(predicted, true, data_range))


def _similarity(x: Floats, y: Floats, data_range: float) -> Floats:
    """SSIM at every pixel: luminance times contrast-and-structure (Wang et al. 2004, equation 13)."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    samples = WINDOW**x.ndim
    unbiased = samples / (samples - 1)
    mean_x, mean_y = _local_mean(x), _local_mean(y)
    var_x = unbiased * (_local_mean(x * x) - mean_x * mean_x)
    var_y = unbiased * (_local_mean(y * y) - mean_y * mean_y)
    covariance = unbiased * (_local_mean(x * y) - mean_x * mean_y)
    agreement: Floats = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    energy: Floats = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return agreement / energy


def _whole_windows(counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether all pixels of the window around each pixel count."""
    from scipy.ndimage import minimum_filter

    return np.asarray(minimum_filter(counted, size=WINDOW))


def _local_mean(image: Floats) -> Floats:
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(image, size=WINDOW), dtype=np.float64)


def _without_border(image: NDArray[Any]) -> NDArray[Any]:
    border = WINDOW // 2
    return image[(slice(border, -border),) * image.ndim]


def _checked(
    prediction: ArrayLike, reference: ArrayLike, data_range: float, smallest: int = 1
) -> tuple[Floats, Floats]:
    """Both images as float64, after checking that they can be compared."""
    if not (math.isfinite(data_range) and data_range > 0):
        raise InputError(
            f"data range {data_range} cannot be used: give a positive number, such as 255 for 8-bit images"
        )
    predicted = _as_floats(prediction, "prediction")
    true = _as_floats(reference, "reference")
    if predicted.shape != true.shape:
        raise InputError(
            f"prediction has shape {predicted.shape}, reference has shape {true.shape}: they must be equal"
        )
    if predicted.ndim == 0 or min(predicted.shape) < smallest:
        raise InputError(
            f"images of shape {predicted.shape} are too small: at least {smallest} pixels along every axis"
        )
    return predicted, true


def _counted(prediction: ArrayLike, reference: ArrayLike) -> NDArray[np.bool_] | None:
    """The mask of pixels that are masked in neither image; None if all count.

    Raises:
        InputError: no pixel is left.
    """
    if not (np.ma.is_masked(prediction) or np.ma.is_masked(reference)):
        return None
    counted: NDArray[np.bool_] = ~(
        np.ma.getmaskarray(np.ma.asarray(prediction)) | np.ma.getmaskarray(np.ma.asarray(reference))
    )
    if not counted.any():
        raise InputError("every pixel is masked: there is nothing to compare")
    return counted


def _as_floats(image: ArrayLike, role: str) -> Floats:
    array: NDArray[Any] = np.ma.filled(image, 0) if np.ma.is_masked(image) else np.asarray(image)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{role} has dtype {array.dtype}: give real numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InputError(f"{role} has NaN or infinite pixels: replace or crop them first")
    return array.astype(np.float64)
