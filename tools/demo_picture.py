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
NUMBERS = 24, 26  # the test images with the highest and the lowest PSNR
CROP = np.s_[128:384, 96:352]
BLACK, WHITE = 50, 220  # 99 % of the true grey levels lie between 67 and 204


def main() -> None:
    """Draw, and print mean and contrast of each crop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    rows = [_row(options.demo, number) for number in NUMBERS]
    for number, row in zip(NUMBERS, rows, strict=True):
        for name, crop in zip(FOLDERS, row, strict=True):
            print(f"phantom_{number} {name:9} mean {crop.mean():.1f}, standard deviation {crop.std():.1f}")
    image_grid(rows, list(FOLDERS), options.picture, display_range=(BLACK, WHITE), overwrite=True)


def _row(demo: Path, number: int) -> list[NDArray[Any]]:
    files = [demo / folder / f"phantom_{number}.png" for folder in FOLDERS.values()]
    return [open_source(file).planes[0].read()[CROP] for file in files]


if __name__ == "__main__":
    main()
