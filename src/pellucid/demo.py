"""The whole job in one call: images, training, denoising, numbers, and a page to look at."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.evaluation import Evaluation, evaluate_sources
from pellucid.images import Intensity, open_source, write_array
from pellucid.images.atomic import writing
from pellucid.images.naming import output_paths, refuse_unsafe
from pellucid.images.registry import split
from pellucid.methods import make_recipe
from pellucid.noise import simulate
from pellucid.noise.registry import find
from pellucid.phantom import tissue
from pellucid.report import Comparison, Page, terminal, write_page
from pellucid.runs import training
from pellucid.runs.folder import Run
from pellucid.runs.model import Model

TRAINING_IMAGES = 12
TEST_IMAGES = 3
SIZE = 512
STEPS = 500
SHOWN = 3
MARK = ".pellucid-demo"
"""The file by which a demo's folder is known: only what lies in such a folder is ever removed."""

Files = Sequence[Path]


def run_demo(
    out: Path,
    clean: Any = None,
    noisy: Any = None,
    *,
    noise: str = "film",
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    overwrite: bool = False,
) -> Path:
    """Train, denoise and report; on phantom tissue with simulated noise, or on somebody's own images.

    Args:
        out: folder for everything.
        clean: clean images; the phantom if not given.
        noisy: noisy images; needed with `clean`, and then there is no truth, only pictures.
        noise: which noise the phantom gets.
        settings: of the recipe, where they differ from `quick`.
        device: "auto", "cpu", "cuda", ...
        overwrite: replace an earlier demo.

    Returns:
        The page.

    Raises:
        InputError: images or settings cannot be used, or `out` is not empty.
        RunError: training failed.
    """
    if (clean is None) != (noisy is None):
        raise InputError("the demo takes both --clean and --noisy, or neither")
    recipe = make_recipe("proposed", "quick", {"steps": STEPS, **(settings or {})})
    recipe.check()
    find(noise)
    if clean is not None:
        _refuse_inside(out, [clean, noisy])
    _clear(out, overwrite)
    if clean is None:
        _make_images(out / "images", noise)
        sources = {"clean": out / "images" / "clean", "noisy": out / "images" / "noisy"}
        test, truth = out / "images" / "test", out / "images" / "truth"
    else:
        sources, test, truth = {"clean": clean, "noisy": noisy}, noisy, None
    run = training.start(sources, out / "run", recipe, device)
    written = Model.load(run.folder, device=device).denoise_files(test, out / "denoised")
    denoised = [file.path for file in written]  # in the order of the test images
    before, after = _scores(test, denoised, truth)
    page = out / "index.html"
    write_page(_page(run, test, denoised, truth, before, after), page, overwrite=overwrite)
    return page


def _make_images(folder: Path, noise: str) -> None:
    """Unpaired halves for training, and images with known truth that no training sees."""
    kinds = [*["clean"] * TRAINING_IMAGES, *["noisy"] * TRAINING_IMAGES, *["test"] * TEST_IMAGES]
    with terminal.progress_over(list(enumerate(kinds)), "making phantom tissue") as numbered:
        for number, kind in numbered:
            image = tissue((SIZE, SIZE), seed=number)
            name = f"phantom_{number:02d}.png"
            if kind == "test":
                write_array(folder / "truth" / name, image)
            write_array(folder / kind / name, image if kind == "clean" else simulate(image, noise, seed=number))


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
        title="Denoised without pairs and without a noise model",
        summary=f"Pellucid learned from noisy images and unrelated clean ones ({subject}) in {recipe.steps} steps.",
        figures=_comparisons(test, denoised, truth, run.intensities()["noisy"]),
        evaluation_before=before,
        evaluation_after=after,
        curves=run.metrics,
        previews={f"step {int(path.stem)}": path for path in previews[-1:]},
        settings=recipe.model_dump(),
        provenance=run.provenance(),
        notes=(
            "Adversarial losses (the first panel) do not fall: they show a balance. Cycle and bypass losses do.",
            "Denoised images are for looking and segmenting; do not measure intensities in them unless validated.",
        ),
    )


def _comparisons(test: Any, denoised: Files, truth: Path | None, intensity: Intensity) -> tuple[Comparison, ...]:
    planes = {"noisy": open_source(test).planes, "denoised": open_source(denoised).planes}
    if truth is not None:
        planes["truth"] = open_source(truth).planes
    count = len(planes["noisy"])
    return tuple(
        Comparison(
            Path(planes["noisy"][number].name).name,
            display_range=(intensity.low, intensity.high),
            **{kind: planes[kind][number].read() for kind in planes},
        )
        for number in np.unique(np.linspace(0, count - 1, SHOWN).astype(int))
    )


def _clear(out: Path, overwrite: bool) -> None:
    """Make room for a demo: only what an earlier one wrote is ever removed."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        _refuse_foreign(out, overwrite)
        Run(out / "run").refuse_busy()
        for name in ("images", "run", "denoised"):
            shutil.rmtree(out / name, ignore_errors=True)
        (out / "index.html").unlink(missing_ok=True)
    with writing(out):
        (out / MARK).write_text("Written by `pellucid demo`, which replaces it with --overwrite.\n", encoding="utf-8")


def _refuse_foreign(out: Path, overwrite: bool) -> None:
    if not overwrite:
        raise InputError(f"{out}: is not empty; choose another folder, or add --overwrite to replace an earlier demo")
    if not (out / MARK).is_file():
        raise InputError(f"{out}: does not hold an earlier demo, so nothing in it is replaced; choose another folder")


def _refuse_inside(out: Path, specs: Sequence[Any]) -> None:
    """Images that the demo would remove, or results among its images, are told of before anything is done."""
    for spec in specs:
        source = open_source(spec)
        refuse_unsafe(output_paths(source, spec, out / "denoised"), source, spec)
        for image in source.images:
            if out.resolve() in split(image.path)[0].resolve().parents:
                raise InputError(f"{image.path}: lies in {out}, where the demo writes; choose another --out")
