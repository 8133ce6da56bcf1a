from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import InputError
from pellucid.inference.view import View
from pellucid.sharing.pixel_network import PixelNetwork, _mirrored


def whole(network, image):
    with torch.no_grad():
        return network(torch.from_numpy(image)[None, None])[0, 0].numpy()


@pytest.mark.parametrize("shape", [(32, 32), (45, 70), (61, 33)])
def test_pixels_are_those_of_the_model(shape, student, tissue):
    image = tissue(*shape)
    ours = student.denoise(image, intensity_range=(0, 255))
    assert np.abs(whole(PixelNetwork(student.stored), image) - ours).max() < 255e-4


def test_black_and_white_are_part_of_it(student, tissue):
    image = tissue(40, 40)
    network = PixelNetwork(student.with_intensity_range(1000, 3000).stored)
    found = whole(network, (1000 + image * 2000 / 255).astype(np.float32))
    assert np.abs((found - 1000) * 255 / 2000 - whole(PixelNetwork(student.stored), image)).max() < 255e-4


@given(size=st.integers(16, 40), stride=st.sampled_from([1, 2, 4, 8, 16]))
def test_the_border_is_mirrored_as_the_view_does(size, stride):
    image = np.random.default_rng(size).random((size, 16), np.float32)
    view = View.of_array(image, stride)
    continued = _mirrored(_mirrored(torch.from_numpy(image)[None, None], 2, stride), 3, stride)
    assert torch.equal(continued, view(view.whole))


def test_norms_that_measure_are_refused_unless_frozen(untrained, tissue):
    model = untrained("proposed", width=4)
    with pytest.raises(InputError, match=r"the norms of proposed measure each image.*--frozen") as told:
        PixelNetwork(model.stored)
    assert len(str(told.value).splitlines()) == 1
    network = PixelNetwork(model.stored, frozen=True)
    image = tissue(64, 64)
    tile = whole(network, image[:48, :48])[:8, :8]
    assert np.abs(tile - whole(network, image)[:8, :8]).max() < 255e-4  # as the halo of 40 promises


@pytest.mark.parametrize("norm", ["batch", "batch-torch"])
def test_running_norms_are_fixed(norm, untrained, tissue):
    model = untrained("dncnn", width=4, normalisation=norm)
    image = tissue(40, 40)
    ours = model.denoise(image, intensity_range=(0, 255))
    assert np.abs(whole(PixelNetwork(model.stored), image) - ours).max() < 255e-4


@pytest.mark.parametrize("norm", ["instance", "layer", "switchable", "batch-instance-running"])
def test_norms_that_look_at_the_image_are_not(norm, untrained):
    with pytest.raises(InputError, match="measure each image"):
        PixelNetwork(untrained("dncnn", width=4, normalisation=norm).stored)


def test_the_model_itself_stays_as_it_is(untrained):
    model = untrained("dncnn", width=4)
    before = model.digest
    PixelNetwork(model.stored)
    assert model.digest == before


def test_a_denoiser_with_a_window_is_refused(untrained):
    with pytest.raises(InputError, match="depends on the whole image or on a window"):
        PixelNetwork(untrained("cagan").stored, frozen=True)
