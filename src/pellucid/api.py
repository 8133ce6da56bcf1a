"""The functions that `import pellucid` offers.

import pellucid

model = pellucid.train("clean/", "noisy/", out="run")
model.denoise("noisy/", "denoised/")
print(pellucid.evaluate("denoised/", "truth/").mean)
pellucid.denoise("noisy/", "filtered/", recipe="bm3d")  # a method that needs no training
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import fields
from numbers import Real
from pathlib import Path
from typing import Any

from pellucid.assessment.assess import Assessment, assess
from pellucid.assessment.clean_images import find_clean
from pellucid.assessment.keep_best import keep_best
from pellucid.assessment.page import check_page, write_assessment
from pellucid.blockwise.plan import DenoiseOptions
from pellucid.data.source import open_source
from pellucid.errors import InputError, Interrupted
from pellucid.evaluation import Evaluation, evaluate_sources
from pellucid.launch import share
from pellucid.methods import DEFAULT, make_recipe
from pellucid.methods.slices import slices_of
from pellucid.model import Model, open_model
from pellucid.report import terminal
from pellucid.runs import trainer
from pellucid.runs.sources import TrainingFrames
from pellucid.training import Callback, Execution

OPTIONS = frozenset(field.name for field in fields(DenoiseOptions))


def train(
    clean: Any = None,
    noisy: Any = None,
    out: str | Path | None = None,
    *,
    pairs: Any = None,
    noise: Any = None,
    recipe: str = DEFAULT,
    preset: str = "quick",
    device: str = "auto",
    execution: Execution | None = None,
    callbacks: Sequence[Callback] = (),
    start: Model | str | Path | None = None,
    frames: TrainingFrames = "separate",
    **settings: Any,
) -> Model:
    """Learn to denoise, from noisy images and unrelated clean ones, or from what another recipe needs.

    Args:
        clean: clean images: file, folder, glob, array of any library, (Y, X) to (T, C, Z, Y, X), or a list of these.
        noisy: noisy images, likewise; not pairs of the clean ones.
        out: folder of the run; by default nothing is kept on disk.
        pairs: for recipes that learn from pairs: the truth of each noisy image, or for "noise2noise" a second noisy
            copy of it.
        noise: images of noise alone, for "quan".
        recipe: a recipe that `pellucid methods` lists; "proposed" is the paper's.
        preset: "quick" for a laptop, which takes ten minutes; "paper" for a GPU.
        device: "auto", "cpu", "cuda", ...
        execution: how the training is computed, such as `pellucid.Execution(amp=True)`.
        callbacks: called at each step, in addition to those that write the run's folder.
        start: a model to begin with instead of random weights: "em", a run with the same networks, or a `Model`.
        frames: planes of noisy images along T, else along Z, that show one place: "separate", each an image; "average",
            their mean; or "copies", noisy copies of one another for "noise2noise", in the place of `pairs`.
        settings: any setting of the recipe, such as `minutes=5`, or `steps=500` instead.

    Returns:
        The trained model, ready to denoise.

    Raises:
        InputError: images, settings or folder cannot be used; the message says what to do.
        RunError: the training failed.
    """
    _check(execution, callbacks)
    chosen = make_recipe(recipe, preset, settings)
    sources = _given(noisy=noisy, clean=clean, pairs=pairs, noise=noise)
    begun = start if isinstance(start, Model) or start is None else Model.load(start, device="cpu")

    def train_in(folder: str | Path) -> Model:
        run = trainer.train(
            sources,
            folder,
            chosen,
            device,
            execution=execution,
            callbacks=callbacks,
            judge=keep_best,
            start=begun.stored if begun is not None else None,
            frames=frames,
        )
        return Model.load(run.folder, device=device)

    if out is not None:
        return train_in(out)
    if share().size > 1:
        raise InputError("processes that train together need a common folder: give it as out=...")
    with tempfile.TemporaryDirectory(prefix="pellucid-") as temporary:
        try:
            return train_in(Path(temporary) / "run")
        except Interrupted as stop:
            advice = "give a folder as out=... to be able to resume"
            raise Interrupted(f"stopped; nothing was kept: {advice}", stop.number) from None


def resume(
    run: str | Path,
    *,
    clean: Any = None,
    noisy: Any = None,
    pairs: Any = None,
    noise: Any = None,
    device: str = "auto",
    execution: Execution | None = None,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Model:
    """Resume a training that was stopped as if it never had been, or train a finished run for longer.

    Args:
        run: folder of the run.
        clean: clean images, if they were moved or were arrays; likewise `noisy`, `pairs` and `noise`.
        noisy: see `clean`.
        pairs: see `clean`.
        noise: see `clean`.
        device: "auto", "cpu", "cuda", ...
        execution: how the training is computed from now on.
        callbacks: called at each step, in addition to those that write the run's folder.
        settings: `steps`, or `minutes` of the whole training; `save_every`, `preview_every`, `weights`; no others can
            change. Learning rates that fall towards the last step follow the new number of steps.

    Raises:
        InputError: no such run, another process trains it, its images have changed, or a setting that cannot change.
        RunError: the training failed.
    """
    _check(execution, callbacks)
    moved = _given(noisy=noisy, clean=clean, pairs=pairs, noise=noise)
    trainer.resume(
        run, device, execution=execution, callbacks=callbacks, judge=keep_best, settings=settings, moved=moved
    )
    return Model.load(run, device=device)


def load(run: str | Path, *, weights: str | None = None, device: str = "auto", memory: int | None = None) -> Model:
    """Load a trained model.

    Args:
        run: the folder or zip that `train`, `export` or `Model.save` wrote. A zip may come from anyone: it has no code.
        weights: "best", "last" or "average"; by default the best, else as in the recipe.
        device: "auto", "cpu", "cuda", ...
        memory: bytes that the networks may use; by default half of what is free.

    Raises:
        InputError: it is neither, or a file in it is missing, damaged or of a newer version.
    """
    return Model.load(run, weights=weights, device=device, memory=memory)


def export(model: Model | str | Path, target: str | Path, **options: Any) -> Path:
    """Write a trained model for others: a zip for Pellucid, an ONNX file, or a package for bioimage.io.

    Args:
        model: a model, or the folder or zip of one.
        target: ends in .zip, .onnx or .bioimageio.zip, unless the format is given.
        options: fields of `pellucid.sharing.targets.ExportOptions`, such as `licence="CC-BY-4.0"`.

    Returns:
        The target.

    Raises:
        InputError: a target that exists, a model or option that the format cannot take, or a library that is missing.
        RunError: the disk is full, or the file would give other pixels than Pellucid.
    """
    from pellucid.sharing.targets import ExportOptions, export_model  # here: most programs export nothing

    loaded = model if isinstance(model, Model) else Model.load(model, device="cpu")
    return export_model(loaded, target, ExportOptions(**options))


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
        model: a model, or the folder or zip of one.
        recipe: one that `pellucid methods` lists as needing nothing but the image, instead of a model.
        preset: with a recipe: "quick" for a laptop (default), "paper" for a GPU.
        intensity_range: black and white, instead of those of the training or the images.
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
        frames=chosen.get("frames", "separate"),
    )
    return opened.denoise(images, output, **chosen)


def trust(
    noisy: Any,
    *,
    model: Model | str | Path | None = None,
    recipe: str | None = None,
    clean: Any = None,
    repeats: Any = None,
    page: str | Path | None = None,
    device: str = "auto",
) -> Assessment:
    """Say how far the results of a model can be trusted, without a truth.

    Args:
        noisy: noisy images: file, folder, glob, array of any library, or a list of these; best not those of the
            training.
        model: a model, the folder or zip of a run, or a name in the box; by default the model in the box.
        recipe: a method that needs no training, instead of a model.
        clean: clean images of the same kind; by default those of the training, or phantom tissue.
        repeats: second frames of the noisy images: the same places, with noise of their own.
        page: a file to write a page to look at, which must not exist.
        device: "auto", "cpu", "cuda", ...

    Returns:
        All evidence; its `verdict` is one sentence.

    Raises:
        InputError: images or model that cannot be used, repeats that do not match, or a page that exists.
    """
    if page is not None:
        check_page(Path(page))
    source = open_source(noisy)
    opened = open_model(source, model=model, recipe=recipe, device=device)
    opened.refuse_other_types(source.images)
    chosen = find_clean(clean, Path(model) if isinstance(model, str | Path) else None, slices_of(opened.denoiser))
    second = open_source(repeats).planes if repeats is not None else None
    found = assess(opened, source.planes, chosen.planes, chosen.origin, repeats=second)
    if page is not None:
        write_assessment(found, Path(page))
    return found


def evaluate(prediction: Any, reference: Any, data_range: float | None = None) -> Evaluation:
    """Compute PSNR and SSIM of images against the truth, exactly as scikit-image does.

    Warns if the two are clearly on different scales, such as 0 to 1 and 8 bits; see `warnings` of the result.

    Args:
        prediction: file, folder, glob, array of any library, or a list of these. Masked pixels do not count.
        reference: the truth, likewise; matched by file name, or by order.
        data_range: largest minus smallest possible value; by default that of the dtype, if it is an integer.

    Raises:
        InputError: images that do not match, or a data range that is not a positive number.
    """
    if data_range is not None and not isinstance(data_range, Real):
        raise InputError(f"data_range={data_range!r}: give a number, such as 255 for 8-bit images")
    scores = evaluate_sources(prediction, reference, data_range)
    for warning in scores.warnings:
        terminal.warn(f"prediction: {warning}")
    return scores


def _given(**sources: Any) -> dict[str, Any]:
    return {kind: spec for kind, spec in sources.items() if spec is not None}


def _check(execution: Any, callbacks: Any) -> None:
    if not isinstance(execution, Execution | None):
        raise InputError(f"execution={execution!r}: give an Execution, as in execution=pellucid.Execution(amp=True)")
    if not isinstance(callbacks, Sequence) or not all(isinstance(each, Callback) for each in callbacks):
        raise InputError(f"callbacks={callbacks!r}: give a list of objects whose class derives from pellucid.Callback")
