"""The picture of `docs/start.md`: what the commands of its first steps give.

python tools/start_picture.py docs/images/start.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import pellucid
from pellucid.report.pictures import image_grid
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

CROP = np.s_[32:224, 32:224]
RANGE = 50, 220


def main() -> None:
    """Draw noisy, denoised and true."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    picture = parser.parse_args().picture
    truth = tissue((256, 256), seed=7)
    noisy = simulate(truth, "film", seed=1)
    images = {"noisy": noisy, "denoised": pellucid.denoise(noisy, model="em"), "truth": truth}
    image_grid([[image[CROP] for image in images.values()]], list(images), picture, RANGE, overwrite=True)


if __name__ == "__main__":
    main()
