"""Image files and arrays of any library, read and written plane by plane.

- ``registry``: the formats by extension; ``open_image`` opens a file.
- ``formats/``: one file per format. A new format is one file there and one line in ``FORMATS`` in ``registry``.
- ``image``: what an opened image is; ``arrays``: the same for arrays in memory and of Dask, Zarr, xarray, ...
- ``writing``: ``create_image`` and ``write_array``; ``output_spec``: what a format is told, and what it returns.
- ``deferred_write``: for formats that are encoded at the end; ``conversion``: rounding and clipping to a pixel type.
- ``layout``: order of axes; ``axis_names``: their letters by name; ``region``: parts of an image; ``pixel_size``.
- ``pyramid``: coarser levels.
- ``manifest``: notices changed files; ``handles``: open files; ``memmap``: memory of mapped files; ``natural_order``.
- ``signatures``: formats by content; ``data_bar``: the bar of an SEM; ``frames``: videos; ``rosettasciio``: others.
"""
