from __future__ import annotations

import pytest
import zarr
from ome_zarr_models.v04.image import ImageAttrs as Attributes04
from ome_zarr_models.v05.image import Image as Image05


@pytest.fixture
def valid():
    def check(path, version):
        """The first multiscale of an OME-Zarr, checked by ome-zarr-models.

        For 0.4 its model of the attributes is used, for that of a whole group does not build with pydantic-zarr 0.9.
        What the latter would check beside is checked here.
        """
        group = zarr.open_group(path, mode="r")
        assert group.metadata.zarr_format == version
        if version == 3:
            return Image05.from_zarr(group).attributes.ome.multiscales[0]
        multiscale = Attributes04.model_validate(dict(group.attrs)).multiscales[0]
        assert multiscale.version == "0.4"
        for dataset in multiscale.datasets:
            array = group[dataset.path]
            assert array.ndim == len(multiscale.axes)
            assert array.metadata.zarr_format == 2
            assert array.metadata.dimension_separator == "/"
        return multiscale

    return check
