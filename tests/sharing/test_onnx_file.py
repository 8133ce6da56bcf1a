from __future__ import annotations

import getpass
import platform
import socket
from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import InputError, RunError
from pellucid.inference.tiles import tiles
from pellucid.sharing import onnx_file
from pellucid.sharing.onnx_file import run
from pellucid.sharing.pixel_network import PixelNetwork
from pellucid.sharing.targets import ExportOptions, export_model

pytest.importorskip("onnxruntime")

LIMIT = 255e-4


def denoised(path, image):
    return run(path.read_bytes(), image[None, None])[0, 0]


@pytest.mark.parametrize("shape", [(32, 32), (64, 48), (45, 71)])
def test_a_whole_image_is_that_of_pellucid(shape, onnx, student, tissue):
    image = tissue(*shape)
    assert np.abs(denoised(onnx, image) - student.denoise(image, intensity_range=(0, 255))).max() < LIMIT


def test_several_images_at_once(onnx, student, tissue):
    images = tissue(3, 40, 36)
    ours = student.denoise(images, intensity_range=(0, 255))
    assert np.abs(run(onnx.read_bytes(), images[:, None])[:, 0] - ours).max() < LIMIT


def test_tiles_with_the_halo_are_the_whole(onnx, student, tissue):
    image = tissue(150, 133)
    stride, halo = student.denoiser.stride, student.denoiser.halo
    padded = np.pad(image, ((0, -150 % stride), (0, -133 % stride)), mode="symmetric")
    stitched = np.empty_like(padded)
    for tile in tiles(*padded.shape, 64, halo):
        rows, columns = tile.core.within(tile.read).slices
        stitched[tile.core.slices] = denoised(onnx, padded[tile.read.slices])[rows, columns]
    assert np.abs(stitched[:150, :133] - student.denoise(image, intensity_range=(0, 255))).max() < LIMIT


def test_the_file_says_what_a_program_must_know(onnx, student):
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx.read_bytes())
    said = session.get_modelmeta().custom_metadata_map
    known = {"name": "student", "digest": student.digest, "black": "0.0", "white": "255.0", "licence": "CC0-1.0"}
    assert known.items() <= said.items()
    assert (int(said["halo"]), int(said["stride"])) == (student.denoiser.halo, student.denoiser.stride)
    assert said["statistics"] == "fixed by the training"
    assert session.get_inputs()[0].shape == session.get_outputs()[0].shape == ["N", 1, "H", "W"]
    assert "# student: a denoiser for microscope images" in session.get_modelmeta().description


def test_nothing_in_it_names_the_machine(onnx):
    content = onnx.read_bytes()
    parts = {part for part in (*Path(onnx_file.__file__).parts, *Path.cwd().parts) if len(part) > 4}
    names = {*parts, socket.gethostname(), platform.platform(), getpass.getuser()} - {"pellucid", "work"}
    assert [name for name in names if name.encode() in content] == []
    assert b".py" not in content


def test_a_file_that_differs_is_not_written(student, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "run", lambda _, noisy: noisy)
    with pytest.raises(RunError, match=r"would differ from Pellucid by 0\.\d+ of the intensity range"):
        onnx_file._refuse_different(b"", PixelNetwork(student.stored), student.stored)


def test_a_missing_library_is_told_before_anything_is_done(student, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"needs onnx, which is not installed: pip install 'pellucid\[export\]'"):
        export_model(student, tmp_path / "model.onnx", ExportOptions())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("noise-transfer", {"width": 4}),
        ("dncnn", {"width": 4}),
        ("redcnn", {"width": 4}),
        ("proposed", {"width": 4}),
    ],
)
def test_other_methods_are_exported_too(name, settings, untrained, tissue, tmp_path):
    model = untrained(name, **settings)
    path = export_model(model, tmp_path / "model.onnx", ExportOptions(frozen=True))
    if name == "proposed":
        assert b"of the training patches" in path.read_bytes()
        return  # compared with the frozen network when it was written
    image = tissue(45, 52)
    assert np.abs(denoised(path, image) - model.denoise(image, intensity_range=(0, 255))).max() < LIMIT
