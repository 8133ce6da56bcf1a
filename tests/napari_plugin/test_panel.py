"""The panel in a real viewer: needs Qt, a screen (Xvfb is one) and OpenGL."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from pellucid.napari_plugin.reader import read_layers
from pellucid.napari_plugin.sample_data import tissue_layers
from tests.napari_plugin.made import noise

QT = next((name for name in ("PySide6", "PyQt6", "PyQt5") if find_spec(name)), None)
SCREEN = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) or sys.platform in ("win32", "darwin")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(QT is None, reason="no Qt: pip install PySide6_Essentials"),
    pytest.mark.skipif(not SCREEN, reason="no screen: run in xvfb-run -a"),
    pytest.mark.filterwarnings("ignore"),  # those of Qt and its libraries are not ours
]


@pytest.fixture
def shown():
    """A viewer with its window."""
    import napari
    from napari.qt import get_qapp

    get_qapp()
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1280, 900)
    yield viewer
    viewer.close()


@pytest.fixture
def panel(shown):
    _, widget = shown.window.add_plugin_dock_widget("pellucid", "Denoise")
    wait(lambda: widget.native.isVisible(), 60)  # until then none of its parts is visible either
    return widget


def wait(until, seconds=1200):
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it took too long"
        QApplication.processEvents()
        time.sleep(0.01)
    QApplication.processEvents()


def is_idle(panel):
    return panel._watch is None


def add(viewer, layers):
    from napari.layers import Layer

    for pixels, attributes, kind in layers:
        viewer.add_layer(Layer.create(pixels, attributes, kind))


def test_the_phantom_is_denoised_and_seen(shown, panel, tmp_path):
    shown.open_sample("pellucid", "tissue")
    assert [layer.name for layer in shown.layers] == ["tissue, clean", "tissue, noisy"]
    panel.layer.value = noisy = shown.layers["tissue, noisy"]
    panel.denoise.native.click()
    assert panel.stop.enabled
    assert not panel.denoise.enabled
    wait(lambda: is_idle(panel))
    assert panel.bar.visible is False
    assert panel.denoise.enabled
    denoised = shown.layers[-1]
    assert denoised.name == "tissue, noisy, denoised"
    truth = shown.layers["tissue, clean"].data.astype(float)
    assert np.std(denoised.data - truth) < 0.7 * np.std(noisy.data - truth)
    np.testing.assert_array_equal(denoised.scale, [10, 10])
    picture = shown.screenshot(canvas_only=True, flash=False)
    grey = picture[picture.shape[0] // 2 - 100 :, picture.shape[1] // 2 - 100 :][:200, :200, 0]
    assert grey.std() > 10  # tissue is drawn there, not a blank canvas
    kept = os.environ.get("PELLUCID_SCREENSHOT")
    if kept:
        _screenshot(shown, Path(kept))


def _screenshot(viewer, path):
    """The picture of the documentation: the two images and the result side by side."""
    import imageio.v3 as imageio

    viewer.grid.enabled = True
    viewer.grid.stride = 1
    viewer.reset_view()
    wait(lambda: True)
    imageio.imwrite(path, viewer.screenshot(canvas_only=False, flash=False))


def test_a_preview_is_of_the_visible_region(shown, panel):
    add(shown, tissue_layers())
    panel.layer.value = noisy = shown.layers["tissue, noisy"]
    panel.denoiser.value = "gaussian"
    shown.camera.zoom *= 4
    wait(lambda: np.diff(noisy.corner_pixels, axis=0).max() < 400)
    first, last = noisy.corner_pixels.copy()  # the canvas is resized when the bar comes and goes
    panel.preview.native.click()
    wait(lambda: is_idle(panel))
    preview = shown.layers["tissue, noisy, preview"]
    assert preview.data.shape == tuple(last - first + 1)
    np.testing.assert_allclose(preview.translate, first * 10)


def test_stopping_ends_the_work_and_says_so(shown, panel):
    shown.add_image(noise((8, 1600, 1600)), name="stack")
    panel.denoiser.value = "gaussian"
    panel.denoise.native.click()
    wait(lambda: panel.bar.value > 0)
    panel.stop.native.click()
    wait(lambda: is_idle(panel))
    assert panel.said.value == "stopped"
    assert not panel.bar.visible
    assert panel.preview.enabled
    assert not panel.stop.enabled
    assert len(shown.layers) == 1


def test_errors_are_one_line_in_the_panel(shown, panel):
    panel.denoise.native.click()
    assert panel.said.value.startswith("there is no image layer")
    shown.add_image(np.zeros((40, 40, 3), np.uint8), rgb=True, name="colours")
    panel.denoise.native.click()
    assert panel.said.value.startswith("colours: is in colour")
    shown.layers.clear()
    shown.add_image(noise((40, 40)), name="grey")
    panel.denoiser.value = "a model of yours"
    assert panel.store.visible
    panel.store.value = "nowhere"
    panel.denoise.native.click()
    wait(lambda: is_idle(panel))
    assert "nowhere" in panel.said.value
    assert "\n" not in panel.said.value
    assert not panel.bar.visible


def test_a_file_is_denoised_into_a_folder_and_shown_from_there(shown, panel, tmp_path):
    from pellucid.io.writing import write_array

    write_array(tmp_path / "stack.tif", noise((4, 128, 128)))
    assert not panel.folder.visible
    add(shown, read_layers(str(tmp_path / "stack.tif")))
    panel.layer.value = shown.layers[0]
    panel.denoiser.value = "gaussian"
    assert panel.folder.visible
    panel.folder.value = tmp_path / "results"
    panel.denoise.native.click()
    wait(lambda: is_idle(panel))
    assert (tmp_path / "results" / "stack.tif_denoised.zarr").is_dir()
    assert not isinstance(shown.layers[-1].data, np.ndarray)
