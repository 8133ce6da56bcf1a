from __future__ import annotations

import gc
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from pellucid.errors import InputError
from pellucid.sharing import bioimage
from pellucid.sharing.bioimage import bioimage_bytes
from pellucid.sharing.pixel_network import PixelNetwork

pytest.importorskip("bioimageio.spec")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _files_that_the_library_leaves_open():
    """They are closed within the test, where this may be ignored."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def package(student, onnx, tmp_path_factory):
    """A package with the ONNX file that was translated already."""
    path = tmp_path_factory.mktemp("bioimage") / "student.bioimageio.zip"
    stored = student.stored.signed("CC0-1.0", None, ["A. Author"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bioimage, "onnx_bytes", lambda *_: onnx.read_bytes())
        for name in ("request", "stream"):
            patch.setattr(f"httpx.{name}", lambda *_, **__: pytest.fail("packing needs no network"))
        path.write_bytes(bioimage_bytes(stored, PixelNetwork(stored)))
    return path


def test_the_package_is_one_of_the_format(package, student):
    from bioimageio.spec import load_description

    description = load_description(package, perform_io_checks=True)
    assert description.validation_summary.status in ("passed", "valid-format"), description.validation_summary
    assert description.format_version.startswith("0.5")
    assert (str(description.license), description.authors[0].name) == ("CC0-1.0", "A. Author")
    assert student.digest[:12] in description.name
    size = description.inputs[0].axes[2].size
    halo = description.outputs[0].axes[2].halo
    assert size.step == student.denoiser.stride
    assert halo == student.denoiser.halo
    assert size.min > 2 * halo
    assert size.min % size.step == 0


def test_the_pictures_and_tests_are_of_made_up_tissue(package):
    with zipfile.ZipFile(package) as archive:
        noisy, denoised = (np.load(io.BytesIO(archive.read(f"{name}.npy"))) for name in ("noisy", "denoised"))
        cover = np.asarray(Image.open(io.BytesIO(archive.read("cover.png"))))
    assert noisy.shape == denoised.shape
    assert cover.shape == (256, 512)
    assert cover[:, :256].std() > cover[:, 256:].std() > 20


def test_a_package_needs_a_licence_of_the_list(student, onnx, monkeypatch):
    monkeypatch.setattr(bioimage, "onnx_bytes", lambda *_: onnx.read_bytes())
    for licence, said in (("", "names a licence: give one"), ("mine", "--licence mine: .*of the SPDX list")):
        stored = student.stored.signed(licence, None, None)
        with pytest.raises(InputError, match=said) as told:
            bioimage_bytes(stored, PixelNetwork(stored))
        assert len(str(told.value).splitlines()) == 1


@pytest.mark.slow
def test_the_library_of_the_zoo_runs_it(package):
    core = pytest.importorskip("bioimageio.core")
    summary = core.test_model(package)
    assert summary.status == "passed", summary.format()
