"""A model as an ONNX file, checked against Pellucid's own result before it is written."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.errors import InputError, RunError
from pellucid.ops import plain
from pellucid.runs.card import card_text
from pellucid.runs.stored_model import StoredModel
from pellucid.sharing.libraries import require
from pellucid.sharing.pixel_network import PixelNetwork, measures_images
from pellucid.version import __version__

INPUT, OUTPUT = "noisy", "denoised"
OPSET = 20
"""The version of the operators, which programs of the last years know."""
TOLERANCE = 1e-4
"""The largest difference to Pellucid's own result, as a share of the intensity range."""

_AXES = {0: "N", 2: "H", 3: "W"}


def onnx_bytes(stored: StoredModel, network: PixelNetwork) -> bytes:
    """Return the content of an ONNX file.

    Its input and output are float32 (N, 1, H, W) in the units of the pixels, for any N, H and W.

    Args:
        stored: the model.
        network: of the model.

    Raises:
        InputError: a library is missing, or ONNX has no operator for a step of the network.
        RunError: the file would give other pixels than Pellucid.
    """
    require("onnx", "onnxscript", "onnxruntime")
    program = _translated(network)
    proto = program.model_proto
    _forget_machine(proto)
    _name_axes(proto)
    proto.doc_string = card_text(stored, usage_text(stored, network))
    for key, value in metadata(stored, network).items():
        proto.metadata_props.add(key=key, value=value)
    content: bytes = proto.SerializeToString(deterministic=True)
    _refuse_different(content, network, stored)
    return content


def metadata(stored: StoredModel, network: PixelNetwork) -> Mapping[str, str]:
    """Return what a program may want to know of the file, as texts by name."""
    facts = {
        "pellucid": __version__,
        "name": stored.recipe.name,
        "digest": stored.digest,
        "halo": network.halo,
        "stride": network.stride,
        "smallest": network.smallest,
        "black": stored.intensity_range.low,
        "white": stored.intensity_range.high,
        "pixels": stored.dtype.name if stored.dtype is not None else "any",
        "units": "pixel values as in the file, float32, not rounded",
        "statistics": statistics_of(stored),
        "sizes": "any from the smallest up; mirrored up to a multiple of the stride within the graph",
        "tiles": "cut at multiples of the stride, with a halo of pixels around",
        "licence": stored.origin.licence,
    }
    return {key: str(value) for key, value in facts.items()}


def statistics_of(stored: StoredModel) -> str:
    """Return where the norms' moments come from, in words."""
    if measures_images(stored.denoiser):
        return "of the training patches; Pellucid itself measures each image, so its results differ"
    return "fixed by the training"


def usage_text(stored: StoredModel, network: PixelNetwork) -> str:
    """Return how the network is used, for its card."""
    return (
        f"Input `{INPUT}` and output `{OUTPUT}`: float32 (N, 1, H, W), pixel values as they are in the file; black "
        f"({stored.intensity_range.low:g}) and white ({stored.intensity_range.high:g}) are part of the network. H and "
        f"W may be any number from {network.smallest} up. Cut larger images at multiples of {network.stride}, with "
        f"{network.halo} pixels around each tile: then tiles equal the whole. Moments of the norms: "
        f"{statistics_of(stored)}."
    )


def run(content: bytes, noisy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Denoise (N, 1, H, W) with the content of an ONNX file, by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    result: NDArray[np.float32] = session.run([OUTPUT], {INPUT: noisy})[0]
    return result


def _translated(network: PixelNetwork) -> Any:
    """The network as torch's ONNX program, for any size: traced with sizes of which no two are equal."""
    example = torch.zeros(2, 1, 3 * network.smallest + 1, 4 * network.smallest + 3)
    free = dict.fromkeys(_AXES, torch.export.Dim.DYNAMIC)
    try:
        with torch.no_grad(), plain(), _quiet():
            return torch.onnx.export(
                network.eval(),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=(free,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
    except (torch.onnx.errors.OnnxExporterError, torch._dynamo.exc.TorchDynamoException, RuntimeError) as problem:
        reason = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise InputError(
            f"this network cannot be written as ONNX ({reason}): share it as a .zip for Pellucid"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Within the block the translator says nothing of itself: it looks for libraries by trying."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _forget_machine(proto: Any) -> None:
    """Remove the lines of code, with paths of this machine, that the translator notes for each operation."""
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del proto.graph.metadata_props[:], proto.graph.value_info[:], proto.metadata_props[:]
    for value in (*proto.graph.input, *proto.graph.output):
        del value.metadata_props[:]


def _name_axes(proto: Any) -> None:
    for value in (*proto.graph.input, *proto.graph.output):
        for axis, name in _AXES.items():
            value.type.tensor_type.shape.dim[axis].dim_param = name


def _refuse_different(content: bytes, network: PixelNetwork, stored: StoredModel) -> None:
    """Raise RunError if the file gives other pixels; shown are sizes that the translator has not seen."""
    limits = stored.intensity_range
    for shape in ((1, 1, network.smallest, network.smallest + 5), (3, 1, 2 * network.smallest + 3, network.smallest)):
        noise = np.random.default_rng(0).random(shape, np.float32)
        noisy = noise * np.float32(limits.high - limits.low) + np.float32(limits.low)
        with torch.no_grad(), plain():
            expected = network(torch.from_numpy(noisy)).numpy()
        try:
            found = run(content, noisy)
        except Exception as problem:  # onnxruntime's own have no common class
            reason = next(iter(str(problem).splitlines()), type(problem).__name__)
            raise RunError(f"onnxruntime cannot run the file, so it was not written ({reason})") from None
        difference = float(np.abs(found - expected).max() / (limits.high - limits.low))
        if not difference <= TOLERANCE:
            raise RunError(
                f"the ONNX file would differ from Pellucid by {difference:.2g} of the intensity range, so it was not "
                "written: share the model as a .zip"
            )
