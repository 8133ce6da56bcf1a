"""A model as a package for the BioImage Model Zoo (bioimage.io, model format 0.5), with ONNX weights."""

from __future__ import annotations

import io
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.errors import InputError
from pellucid.methods import method_class
from pellucid.methods.digest import short
from pellucid.runs.card import card_text
from pellucid.runs.stored_model import StoredModel
from pellucid.sharing.libraries import require
from pellucid.sharing.onnx_file import INPUT, OPSET, OUTPUT, onnx_bytes, run, usage_text
from pellucid.sharing.pixel_network import PixelNetwork
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

NOT_NAMED = "not named"
"""The author of a model whose author was not given."""
SIDE = 256
"""Side of the two halves of the cover, in pixels."""
TAGS = ("denoising", "image-restoration", "2d", "grayscale", "pellucid", "pytorch")
CITED = {
    "ISCL": "10.1109/TMI.2021.3096142",
    "DnCNN": "10.1109/TIP.2017.2662206",
    "RED-CNN": "10.1109/TMI.2017.2715284",
}
"""Digital identifiers of methods by title."""
_HOME = "https://bioimage.io"


def bioimage_bytes(stored: StoredModel, network: PixelNetwork) -> bytes:
    """Return the content of a package.

    Raises:
        InputError: a library is missing, no licence is given, or it is none of the SPDX list; as for ONNX.
        RunError: as for ONNX.
    """
    require("bioimageio.spec")
    if not stored.origin.licence:
        raise InputError("a package for bioimage.io names a licence: give one, as in --licence CC-BY-4.0")
    content = onnx_bytes(stored, network)
    noisy = test_image(stored, network)
    with tempfile.TemporaryDirectory(prefix="pellucid-") as temporary:
        folder = Path(temporary)
        (folder / "weights.onnx").write_bytes(content)
        (folder / "card.md").write_text(card_text(stored, usage_text(stored, network)), encoding="utf-8")
        denoised = run(content, noisy)
        np.save(folder / "noisy.npy", noisy)
        np.save(folder / "denoised.npy", denoised)
        (folder / "cover.png").write_bytes(cover(stored, noisy, denoised))
        with _offline():
            return _packed(_description(stored, network, folder), folder)


def test_image(stored: StoredModel, network: PixelNetwork) -> NDArray[np.float32]:
    """Return made-up tissue with noise in the model's range, (1, 1, H, W), of a size that tiles may have."""
    side = _least(network) + -(-max(0, SIDE - _least(network)) // network.stride) * network.stride
    noisy = simulate(tissue((side, side), seed=1), "gaussian", seed=1).astype(np.float32) / 255
    limits = stored.intensity_range
    return (limits.low + noisy * (limits.high - limits.low)).astype(np.float32)[None, None]


def cover(stored: StoredModel, noisy: NDArray[np.float32], denoised: NDArray[np.float32]) -> bytes:
    """Return a picture of the test image before and after, side by side, as PNG."""
    limits = stored.intensity_range
    halves = [image[0, 0, :SIDE, :SIDE] for image in (noisy, denoised)]
    grey = (np.hstack(halves) - limits.low) / (limits.high - limits.low)
    written = io.BytesIO()
    Image.fromarray(np.rint(255 * grey.clip(0, 1)).astype(np.uint8)).save(written, "png")
    return written.getvalue()


def _least(network: PixelNetwork) -> int:
    """The smallest side of a tile that has pixels which see all they need: a multiple of the stride."""
    return -(-max(network.smallest, 2 * network.halo + 1) // network.stride) * network.stride


def _description(stored: StoredModel, network: PixelNetwork, folder: Path) -> Any:
    from bioimageio.spec.model import v0_5 as zoo
    from pydantic import ValidationError

    method, origin = method_class(stored.recipe.method), stored.origin
    file = zoo.FileDescr
    size = zoo.ParameterizedSize(min=_least(network), step=network.stride)
    channel = zoo.ChannelAxis(channel_names=[zoo.Identifier("intensity")])
    sides = [
        zoo.SpaceOutputAxisWithHalo(
            id=zoo.AxisId(axis),
            halo=network.halo,
            size=zoo.SizeReference(tensor_id=zoo.TensorId(INPUT), axis_id=zoo.AxisId(axis)),
        )
        for axis in "yx"
    ]
    try:
        return zoo.ModelDescr(
            name=f"Pellucid {method.title} {short(stored.digest)}",
            description=f"Removes noise from microscope images ({method.title}, trained with Pellucid).",
            authors=[zoo.Author(name=name) for name in origin.authors or (NOT_NAMED,)],
            cite=[_citation(method.title, method.reference)],
            license=origin.licence,
            tags=list(TAGS),
            covers=[file(source=folder / "cover.png")],
            documentation=file(source=folder / "card.md"),
            inputs=[
                zoo.InputTensorDescr(
                    id=zoo.TensorId(INPUT),
                    description="pixel values as in the file",
                    axes=[zoo.BatchAxis(), channel, *(zoo.SpaceInputAxis(id=zoo.AxisId(a), size=size) for a in "yx")],
                    test_tensor=file(source=folder / "noisy.npy"),
                )
            ],
            outputs=[
                zoo.OutputTensorDescr(
                    id=zoo.TensorId(OUTPUT),
                    description="denoised, in the same units, not rounded",
                    axes=[zoo.BatchAxis(), channel, *sides],
                    test_tensor=file(source=folder / "denoised.npy"),
                )
            ],
            weights=zoo.WeightsDescr(
                onnx=zoo.OnnxWeightsDescr(source=folder / "weights.onnx", opset_version=OPSET),
            ),
        )
    except ValidationError as problem:
        raise InputError(_sentence(problem, origin.licence)) from None


def _citation(title: str, reference: str) -> Any:
    from bioimageio.spec.model import v0_5 as zoo

    if title in CITED:
        return zoo.CiteEntry(text=reference, doi=zoo.Doi(CITED[title]))
    return zoo.CiteEntry(text=f"{title} ({reference})", url=zoo.HttpUrl(_HOME))


def _offline() -> AbstractContextManager[Any]:
    """Within the block the library does not ask the network whether addresses exist."""
    from bioimageio.spec import get_validation_context

    context: AbstractContextManager[Any] = get_validation_context().replace(perform_io_checks=False)
    return context


def _sentence(problem: Any, licence: str) -> str:
    first = problem.errors()[0]
    if "license" in first["loc"]:
        return f"--licence {licence}: bioimage.io takes identifiers of the SPDX list, such as CC-BY-4.0, CC0-1.0 or MIT"
    return f"bioimage.io does not take this model: {'.'.join(map(str, first['loc']))}: {first['msg']}"


def _packed(description: Any, folder: Path) -> bytes:
    from bioimageio.spec import save_bioimageio_package

    packed = folder / "package.zip"
    save_bioimageio_package(description, output_path=packed)
    return packed.read_bytes()
