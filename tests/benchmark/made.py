"""Results as a benchmark would have written them; their numbers are invented."""

from __future__ import annotations

from pellucid.benchmark.image_score import ImageScore
from pellucid.benchmark.results import Result, RunId

SUPERVISION = {"dncnn": "paired", "redcnn": "paired", "noisy": "none", "bm3d": "none", "noise2void": "noisy only"}


def run(method, dataset="cells-charge", fold=0, seed=0, scheme="published", budget="quick steps=200"):
    return RunId(method=method, dataset=dataset, scheme=scheme, fold=fold, seed=seed, budget=budget)


def score(name, psnr, ssim, offset=0.5, contrast=0.9, flat=1.2):
    return ImageScore(name, psnr, ssim, offset, contrast, flat)


def done(method, psnr, ssim=0.8, **place):
    """A finished run; `psnr` and `ssim` are of one image, or lists over images."""
    psnrs = psnr if isinstance(psnr, list) else [psnr]
    ssims = ssim if isinstance(ssim, list) else [ssim] * len(psnrs)
    scores = tuple(score(f"image-{n}", p, s) for n, (p, s) in enumerate(zip(psnrs, ssims, strict=True)))
    learns = method not in ("noisy", "bm3d")
    return Result(
        run=run(method, **place),
        status="done",
        scores=scores,
        title=method.upper(),
        supervision=SUPERVISION.get(method, "unpaired"),
        steps=200 if learns else 0,
        patches=12800 if learns else 0,
        training_seconds=31.5 if learns else 0.0,
        recipe={"name": method},
    )


def failed(method, **place):
    supervision = SUPERVISION.get(method, "unpaired")
    return Result(
        run=run(method, **place), status="failed", message="loss is NaN", title=method, supervision=supervision
    )
