"""The picture of the README: crops of two test images of `make demo`, all shown with one range of grey levels.

python tools/demo_picture.py demo docs/images/demo.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.source import open_source
from pellucid.report.pictures import image_grid

FOLDERS = {"noisy": "images/test", "denoised": "denoised", "truth": "images/truth"}
NAMES = ("phantom_24.png", "phantom_25.png", "phantom_26.png")
SHOWN = 0, 2  # those with the highest and the lowest PSNR
CROP = np.s_[128:384, 96:352]
BLACK, WHITE = 50, 220  # 99 % of the true grey levels lie between 67 and 204


def main() -> None:
    """Draw the picture, and print how much of the true contrast each denoised image has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    rows = [[_read(options.demo / folder / name) for folder in FOLDERS.values()] for name in NAMES]
    for name, (_, denoised, truth) in zip(NAMES, rows, strict=True):
        print(f"{name}: {_kept(denoised, truth):.2f} of the true contrast between areas")
    crops = [[image[CROP] for image in rows[number]] for number in SHOWN]
    image_grid(crops, list(FOLDERS), options.picture, display_range=(BLACK, WHITE), overwrite=True)


def _read(file: Path) -> NDArray[Any]:
    return open_source(file).planes[0].read()


def _kept(denoised: NDArray[Any], truth: NDArray[Any]) -> float:
    """The slope of denoised over true grey levels, of means of 8×8 pixels: little noise is left in these."""
    ours, true = (image.reshape(len(image) // 8, 8, -1, 8).mean((1, 3)).ravel() for image in (denoised, truth))
    covariance = np.cov(ours, true)
    return float(covariance[0, 1] / covariance[1, 1])


if __name__ == "__main__":
    main()
