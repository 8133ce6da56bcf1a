from __future__ import annotations

import os

import pytest

os.environ.setdefault("NAPARI_CONFIG", "")  # settings of the user stay as they are, and matter to no test


@pytest.fixture
def viewer():
    """A viewer without windows."""
    from napari.components import ViewerModel

    return ViewerModel()
