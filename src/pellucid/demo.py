"""Everything in one call: images, training, denoising, scores, and a page that shows them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.output_paths import output_paths, refuse_unsafe
from pellucid.data.sample import evenly_spaced
from pellucid.data.source import open_source
from pellucid.errors import InputError, Interrupted
from pellucid.evaluation import Evaluation, evaluate_sources
from pellucid.files import write_json, writing
from pellucid.io.registry import split
from pellucid.io.writing import write_array
from pellucid.methods import DEFAULT, make_recipe
from pellucid.model import Model
from pellucid.recipe import Recipe
from pellucid.report import terminal
from pellucid.report.comparison import ImageComparison
from pellucid.report.page import Page, write_page
from pellucid.runs import trainer
from pellucid.runs.folder import Run
from pellucid.runs.provenance import path_of
from pellucid.runs.sources import check_sources
from pellucid.signals import number_of
from pellucid.simulation.noise import simulate
from pellucid.simulation.noise.registry import find
from pellucid.simulation.phantom import tissue

TRAINING_IMAGES = 12
TEST_IMAGES = 3
SIZE = 512
MINUTES = 5.0
"""Time of the training, if nothing else is asked for."""
SHOWN = 3
MARK = ".pellucid-demo"
"""File that marks the folder of a demo and holds its call; only such a folder is ever overwritten."""

Files = Sequence[Path]


def run_demo(
    out: Path,
    clean: Any = None,
    noisy: Any = None,
    *,
    noise: str = "film",
    recipe: str = DEFAULT,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    overwrite: bool = False,
) -> Path:
    """Train, denoise and report, on phantom tissue with simulated noise or on the user's own images.

    If it was stopped, the same call with the same images and settings continues where it stopped.

    Args:
        out: folder for all results.
        clean: clean images; by default phantom tissue.
        noisy: noisy images, needed with `clean`; without a truth the page shows pictures but no scores.
        noise: noise model for the phantom.
        recipe: a recipe that learns from noisy images and unrelated clean ones.
        settings: settings that differ from those of the preset `quick`; by default it takes `MINUTES`.
        device: "auto", "cpu", "cuda", ...
        overwrite: replace a finished demo; the phantom never replaces one on the user's own images.

    Returns:
        The path of the page.

    Raises:
        InputError: images or settings cannot be used, or `out` contains something else.
        RunError: the training failed.
        Interrupted: the demo was stopped; the same call continues it.
    """
    if (clean is None) != (noisy is None):
        raise InputError("the demo takes both --clean and --noisy, or neither")
    asked = settings or {}
    settled = make_recipe(recipe, "quick", asked if "steps" in asked else {"minutes": MINUTES, **asked})
    check_sources(settled, {"noisy", "clean"}).check()
    find(noise)
    if clean is not None:
        _refuse_inside(out, [clean, noisy])
    images = {"noise": noise} if clean is None else {"clean": path_of(clean), "noisy": path_of(noisy)}
    with _advise_to_repeat():
        _make_room(out, {"images": images, "recipe": settled.model_dump(mode="json")}, overwrite)
        if clean is None:
            _make_images(out / "images", noise)
            sources = {"clean": out / "images" / "clean", "noisy": out / "images" / "noisy"}
            test, truth = out / "images" / "test", out / "images" / "truth"
        else:
            sources, test, truth = {"clean": clean, "noisy": noisy}, noisy, None
        run = _train(sources, out / "run", settled, device)
        written = Model.load(run.folder, device=device).denoise_files(test, out / "denoised", overwrite=True)
        denoised = [file.path for file in written]  # in the order of the test images
        before, after = _scores(test, denoised, truth)
        page = _finished(out)
        write_page(_page(run, test, denoised, truth, before, after), page)
    return page


@contextmanager
def _advise_to_repeat() -> Iterator[None]:
    """Add to the message of a stop that the same command continues."""
    try:
        yield
    except Interrupted as stop:
        raise Interrupted(f"{stop.state}; run the same command again to continue", stop.number) from None
    except KeyboardInterrupt as stop:
        raise Interrupted("stopped; run the same command again to continue", number_of(stop)) from None


def _make_images(folder: Path, noise: str) -> None:
    """Write unpaired images for training, and test images with known truth that are not used in training."""
    kinds = [*["clean"] * TRAINING_IMAGES, *["noisy"] * TRAINING_IMAGES, *["test"] * TEST_IMAGES]
    with terminal.progress_over(list(enumerate(kinds)), "making phantom tissue") as numbered:
        for number, kind in numbered:
            name = f"phantom_{number:02d}.png"
            if (folder / kind / name).exists():  # written before a stop
                continue
            image = tissue((SIZE, SIZE), seed=number)
            if kind == "test":
                write_array(folder / "truth" / name, image, overwrite=True)
            made = image if kind == "clean" else simulate(image, noise, seed=number)
            write_array(folder / kind / name, made)


def _train(sources: Mapping[str, Any], folder: Path, recipe: Recipe, device: str) -> Run:
    """Start the training, or resume it."""
    if Run(folder).started:
        return trainer.resume(folder, device, moved=sources)
    shutil.rmtree(folder, ignore_errors=True)  # incomplete if it was killed while it was created
    return trainer.train(sources, folder, recipe, device)


def _scores(test: Any, denoised: Files, truth: Path | None) -> tuple[Evaluation | None, Evaluation | None]:
    if truth is None:
        return None, None
    before, after = evaluate_sources(test, truth), evaluate_sources(denoised, truth)
    rows = [
        (b.name, f"{b.psnr:.2f}", f"{a.psnr:.2f}", f"{b.ssim:.4f}", f"{a.ssim:.4f}")
        for b, a in zip((*before.rows, before.mean), (*after.rows, after.mean), strict=True)
    ]
    title = f"held-out images against the truth, data range {before.data_range:g}"
    terminal.table(title, ["image", "PSNR before", "after (dB)", "SSIM before", "after"], rows)
    return before, after


def _page(
    run: Run,
    test: Any,
    denoised: Files,
    truth: Path | None,
    before: Evaluation | None,
    after: Evaluation | None,
) -> Page:
    recipe = run.recipe()
    subject = "phantom tissue with simulated noise" if truth else "your images"
    previews = sorted((run.folder / "previews").glob("*.png"))
    return Page(
        title="Denoised without pairs and without knowing the noise",
        summary=f"Pellucid learned from noisy images and unrelated clean ones ({subject}) in {recipe.steps} steps.",
        figures=_comparisons(test, denoised, truth, run.intensities()["noisy"]),
        evaluation_before=before,
        evaluation_after=after,
        curves=run.metrics,
        previews={f"step {int(path.stem)}": path for path in previews[-1:]},
        settings=recipe.model_dump(),
        provenance=run.provenance(),
        notes=(
            "Denoised images are for viewing and segmentation; do not measure intensities in them without validation.",
        ),
    )


def _comparisons(
    test: Any, denoised: Files, truth: Path | None, intensity_range: IntensityRange
) -> tuple[ImageComparison, ...]:
    noisy, results = open_source(test).planes, open_source(denoised).planes
    clean = open_source(truth).planes if truth is not None else None
    return tuple(
        ImageComparison(
            Path(noisy[number].name).name,
            noisy[number].read(),
            results[number].read(),
            clean[number].read() if clean is not None else None,
            display_range=(intensity_range.low, intensity_range.high),
        )
        for number in evenly_spaced(len(noisy), SHOWN)
    )


def _finished(out: Path) -> Path:
    """Return the path of the page, which is written last."""
    return out / "index.html"


def _make_room(out: Path, call: Mapping[str, Any], overwrite: bool) -> None:
    """Prepare the folder: a new one, that of the same call, or that of a finished demo to be replaced."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        earlier = _earlier_call(out)
        Run(out / "run").refuse_busy()
        if _finished(out).exists():
            _refuse_replacing(out, earlier, call, overwrite)
            for name in ("images", "run", "denoised"):
                shutil.rmtree(out / name, ignore_errors=True)
        elif earlier != call:
            raise InputError(
                f"{out}: contains an unfinished demo of other images or settings; continue it with the command that "
                "started it, or choose another folder"
            )
    write_json(out / MARK, call)
    _finished(out).unlink(missing_ok=True)  # last: until then a stopped demo can still be replaced


def _earlier_call(out: Path) -> dict[str, Any]:
    mark = out / MARK
    if not mark.is_file():
        raise InputError(
            f"{out}: is not the folder of an earlier demo, and will not be overwritten; choose another folder"
        )
    try:
        found: dict[str, Any] = json.loads(mark.read_text(encoding="utf-8"))
    except ValueError:  # damaged: equal to no call
        return {}
    return found


def _refuse_replacing(out: Path, earlier: Mapping[str, Any], call: Mapping[str, Any], overwrite: bool) -> None:
    if "clean" in earlier.get("images", {}) and "clean" not in call["images"]:
        raise InputError(
            f"{out}: contains a demo on your own images, which phantom tissue does not replace; choose another folder"
        )
    if not overwrite:
        raise InputError(
            f"{out}: contains a finished demo, {_finished(out)}; choose another folder, or replace it by --overwrite"
        )


def _refuse_inside(out: Path, specs: Sequence[Any]) -> None:
    """Raise InputError if the demo would remove the images, or write results among them."""
    for spec in specs:
        source = open_source(spec)
        refuse_unsafe(output_paths(source, out / "denoised"), source)
        for image in source.images:
            if out.resolve() in split(image.path)[0].resolve().parents:
                raise InputError(f"{image.path}: is in {out}, where the demo writes; choose another --out")
