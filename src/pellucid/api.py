"""What `import pellucid` offers.

import pellucid

model = pellucid.train("clean/", "noisy/", out="run")
model.denoise("noisy/", "denoised/")
print(pellucid.evaluate("denoised/", "truth/").mean)
pellucid.denoise("noisy/", "filtered/", recipe="bm3d")  # needs no training
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pellucid.blockwise.plan import DenoiseOptions
from pellucid.errors import InputError, Interrupted
from pellucid.evaluation import Evaluation, evaluate_sources
from pellucid.launch import share
from pellucid.methods import make_recipe
from pellucid.model import Model, open_model
from pellucid.report import terminal
from pellucid.runs import trainer
from pellucid.training import Execution

OPTIONS = frozenset(field.name for field in fields(DenoiseOptions))


def train(
    clean: Any = None,
    noisy: Any = None,
    out: str | Path | None = None,
    *,
    pairs: Any = None,
    noise: Any = None,
    recipe: str = "proposed",
    preset: str = "quick",
    device: str = "auto",
    execution: Execution | None = None,
    **settings: Any,
) -> Model:
    """Learn to denoise: from noisy images and unrelated clean ones, or from what another recipe needs.

    Args:
        clean: file, folder, glob, array of any library, (Y, X) to (T, C, Z, Y, X), or a list of these.
        noisy: likewise; not pairs of the clean ones.
        out: folder of the run; if not given, nothing is kept on disk.
        pairs: for supervised recipes the truth of each noisy image, for "noise2noise" a second noisy copy.
        noise: images of noise alone, for "quan".
        recipe: "proposed", or another one that `pellucid methods` lists.
        preset: "quick" for a laptop, "paper" for a GPU.
        device: "auto", "cpu", "cuda", ...
        execution: how it is computed, such as `pellucid.Execution(amp=True)`.
        settings: any setting of the recipe, such as `steps=500`.

    Returns:
        The trained model, ready to denoise.

    Raises:
        InputError: images, settings or folder cannot be used; the message says what to do.
        RunError: training failed.
    """
    chosen = make_recipe(recipe, preset, settings)
    given = {"noisy": noisy, "clean": clean, "pairs": pairs, "noise": noise}
    sources = {kind: spec for kind, spec in given.items() if spec is not None}

    def trained(folder: Path) -> Model:
        return Model.load(trainer.start(sources, folder, chosen, device, execution=execution).folder, device=device)

    if out is not None:
        return trained(Path(out))
    if share().size > 1:
        raise InputError("processes that train together need one folder: say which by out=...")
    with tempfile.TemporaryDirectory(prefix="pellucid-") as temporary:
        try:
            return trained(Path(temporary) / "run")
        except Interrupted as stop:
            advice = "say where by out=... to go on with a training"
            raise Interrupted(f"stopped; nothing was kept: {advice}", stop.number) from None


def resume(
    run: str | Path,
    *,
    device: str = "auto",
    execution: Execution | None = None,
    moved: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Model:
    """Go on with a training that was stopped, as if it never had been, or for longer than it was begun for.

    Args:
        run: its folder.
        device: "auto", "cpu", "cuda", ...
        execution: how it is computed from now on.
        moved: images that are elsewhere now, or that were arrays, by kind: `{"noisy": "elsewhere/"}`.
        settings: `steps`, `save_every`, `preview_every`, `weights`; no others may change. Learning rates that fall
            towards the last step follow the new number of steps.

    Raises:
        InputError: no such run, another process is training it, its images have changed, or settings that may not.
        RunError: training failed.
    """
    trainer.resume(run, device, execution=execution, settings=settings, moved=moved)
    return Model.load(run, device=device)


def load(run: str | Path, *, weights: str | None = None, device: str = "auto", memory: int | None = None) -> Model:
    """The model of a run's folder.

    Args:
        run: the folder that `train` or `Model.save` wrote.
        weights: "last" or "average"; as the recipe says if not given.
        device: "auto", "cpu", "cuda", ...
        memory: bytes that the networks may use; half of what is free if not given.

    Raises:
        InputError: this is no run's folder, or a part of it is missing, damaged or too new.
    """
    return Model.load(run, weights=weights, device=device, memory=memory)


def denoise(
    images: Any,
    output: str | Path | None = None,
    *,
    model: Model | str | Path | None = None,
    recipe: str | None = None,
    preset: str | None = None,
    intensity_range: tuple[float, float] | None = None,
    device: str = "auto",
    memory: int | None = None,
    **options: Any,
) -> Any:
    """Denoise with a trained model, or by a recipe that needs no training: `denoise(images, recipe="bm3d")`.

    Args:
        images: array of any library, (Y, X) to (T, C, Z, Y, X), or a list of such; or a file, folder or glob.
        output: where files go. For an array: the file that the result is written to, plane by plane.
        model: a model, or the folder of a run.
        recipe: one that `pellucid methods` lists as needing nothing but the image, instead of a model.
        preset: with a recipe: "quick" for a laptop (default), "paper" for a GPU.
        intensity_range: black and white, if neither training nor images shall say it.
        device: "auto", "cpu", "cuda", ...
        memory: bytes that the networks may use; half of what is free if not given.
        options: fields of `DenoiseOptions`, such as `noise=True`; with a recipe, also any setting of it.

    Returns:
        The path of the files, or an array of the same kind, shape and dtype: see `Model.denoise`.

    Raises:
        InputError: not one of model and recipe, or images or settings that cannot be used; the message says what to do.
    """
    chosen = {name: options.pop(name) for name in list(options) if name in OPTIONS}
    opened = open_model(
        images,
        model=model,
        recipe=recipe,
        preset=preset,
        settings=options,
        intensity_range=intensity_range,
        device=device,
        memory=memory,
    )
    return opened.denoise(images, output, **chosen)


def evaluate(prediction: Any, reference: Any, data_range: float | None = None) -> Evaluation:
    """PSNR and SSIM of images against the truth, exactly as scikit-image computes them.

    Where values of the two are plainly on different scales, such as 0 to 1 and 8 bits, it warns (see `warnings`).

    Args:
        prediction: file, folder, glob, array of any library, or a list of these. Masked pixels do not count.
        reference: the truth, likewise; matched by file name, or by order.
        data_range: largest minus smallest possible value; that of the dtype if it is an integer.

    Raises:
        InputError: images that do not fit together.
    """
    scores = evaluate_sources(prediction, reference, data_range)
    for warning in scores.warnings:
        terminal.warn(f"prediction: {warning}")
    return scores
