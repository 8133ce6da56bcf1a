"""`pellucid evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from json import loads
from pathlib import Path

from pellucid.cli.json_output import show_json
from pellucid.data.source import Source, open_source
from pellucid.evaluation import Evaluation, evaluate_sources
from pellucid.files import check_free
from pellucid.report import terminal
from pellucid.report.maps import check_maps, write_difference_maps, write_error_maps
from pellucid.report.source_remarks import show_source_remarks


def evaluate(
    prediction: str,
    reference: str,
    *,
    baseline: str | None = None,
    data_range: float | None = None,
    json: bool = False,
    csv: Path | None = None,
    maps: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Compute PSNR and SSIM against the truth, as scikit-image does (SSIM: 7×7 uniform window).

    Parameters
    ----------
    prediction
        Image, folder or glob to evaluate.
    reference
        The truth, matched by file name, or by order.
    baseline
        Other images of the same places for comparison, such as the noisy ones: `--baseline noisy/`.
    data_range
        Largest minus smallest possible value, as in `--data-range 255`; by default that of an integer pixel type.
    json
        Print JSON instead of a table: one document, with --baseline {"prediction": ..., "baseline": ...}.
    csv
        Also write the table to this file, as in `--csv scores.csv`.
    maps
        Also draw pictures into this folder, as in `--maps maps/`: error maps, and with --baseline difference maps.
    overwrite
        Replace files that exist.
    """
    specs = {"prediction": prediction, **({"baseline": baseline} if baseline else {})}
    sources, truth = {name: open_source(spec) for name, spec in specs.items()}, open_source(reference)
    for source in (*sources.values(), truth):
        show_source_remarks(source)
    if csv is not None:
        check_free(csv, overwrite=overwrite)
    if maps is not None:
        check_maps(sources, truth, maps, overwrite=overwrite)
    scores = {
        name: evaluate_sources(
            source, truth, data_range, partial(terminal.progress_over, title=f"evaluating {name}"), name
        )
        for name, source in sources.items()
    }
    for name, score in scores.items():
        for warning in score.warnings:
            terminal.warn(f"{name}: {warning}")
    if csv is not None:
        scores["prediction"].to_csv(csv, overwrite=overwrite)
    if maps is not None:
        _draw(sources, truth, maps, overwrite=overwrite)
    (_show_json if json else _show_tables)(scores)


def _draw(sources: Mapping[str, Source], truth: Source, folder: Path, *, overwrite: bool) -> None:
    write_error_maps(sources, truth, folder, overwrite=overwrite)
    if len(sources) > 1:
        write_difference_maps(sources, truth, folder, overwrite=overwrite)
    terminal.say(f"pictures are in {folder}")


def _show_json(scores: Mapping[str, Evaluation]) -> None:
    """Print one document; with a baseline, the scores of both by their names."""
    documents = {name: loads(score.to_json()) for name, score in scores.items()}
    show_json(documents if len(documents) > 1 else documents["prediction"])


def _show_tables(scores: Mapping[str, Evaluation]) -> None:
    for name, score in scores.items():
        title = f"{name}, data range {score.data_range:g}"
        terminal.table(title, ["image", "PSNR (dB)", "SSIM"], score.table(), terminal.results())
