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


@pytest.fixture
def add_labels(picture):
    """Add labels to the group of an OME-Zarr, as its specification asks: an image of its own for each."""

    def add(group, axes, shape, name="nuclei"):
        version = group.metadata.zarr_format
        steps = [{"type": "scale", "scale": [1.0] * len(axes)}]
        kinds = {"c": "channel", "t": "time"}
        multiscale = {
            "axes": [{"name": one, "type": kinds.get(one, "space")} for one in axes],
            "datasets": [{"path": "0", "coordinateTransformations": steps}],
        }
        coloured = {"colors": [{"label-value": 1, "rgba": [255, 0, 0, 255]}]}
        listed, told = {"labels": [name]}, {"multiscales": [multiscale], "image-label": coloured}
        if version == 2:
            multiscale["version"] = "0.4"
        else:
            listed, told = ({"ome": {"version": "0.5", **one}} for one in (listed, told))
        labels = group.create_group("labels", attributes=listed).create_group(name, attributes=told)
        names = None if version == 2 else list(axes)
        labels.create_array("0", data=picture(shape, "uint16"), dimension_names=names)

    return add
