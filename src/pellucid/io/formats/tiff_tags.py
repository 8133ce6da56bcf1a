"""The tags of a TIFF: its kind, how pages are stored, and what it says of the image; how they are read and written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from pellucid.io.formats.tiff_data_bar import without_bar
from pellucid.io.formats.tiff_imagej import ImageJMetadata, imagej_options, read_imagej
from pellucid.io.formats.tiff_kept_tags import Tag, fitting, in_words, kept_tags, raw_text
from pellucid.io.formats.tiff_ome import ome_annotations, rewrite
from pellucid.io.formats.tiff_pages import of_single_pages
from pellucid.io.formats.tiff_pixel_size import other_calibration, read_pixel_size
from pellucid.io.formats.tiff_series import has_alpha, ome_root, unnamed_pages
from pellucid.io.layout import Layout
from pellucid.io.output_spec import OutputSpec, Style
from pellucid.io.pixel_size import PRINT_METRES, PixelSize

__all__ = ["TiffStyle", "choose_kind", "read_pixel_size", "read_style", "write_options"]

Kind = Literal["imagej", "ome", "plain"]
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
_OME_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_IMAGEJ_AXES = "TZCYX"
_LOSSLESS = {5: "lzw", 8: "zlib", 32946: "zlib", 50000: "zstd", 32773: "packbits"}
_WITH_PREDICTOR = ("lzw", "zlib", "zstd")
_MOST_PER_UNIT = 2**32 - 1  # of the two numbers of a fraction
_BIG = 2**32 - 2**25  # as in tifffile: 32 MB of a classic file's 4 GB are left for tags
#: How an image is seen where its orientation is not known.
_SHOWN = {2: "mirrored", 3: "turned", 4: "mirrored", 5: "turned and mirrored", 6: "turned"}
_SHOWN |= {7: "turned and mirrored", 8: "turned"}
#: What tifffile calls series whose tags can be copied; others are of formats with a structure of their own.
_COPIED_SERIES = ("shaped", "ome", "imagej", "uniform", "generic", "sis")


@dataclass(frozen=True)
class TiffStyle(Style):
    """The kind of a TIFF (None: free to choose), how its pages are stored, and what it says of the image.

    Attributes:
        orientation: Which side of the stored image is shown above, as in the tag.
        software, description: As stored; of a plain file.
        said: What tifffile's own description says beside shape and axes, as JSON.
        tags: The others of the first page, as tifffile writes them.
        height: Of the image that they describe, in rows.
        ome: The OME-XML, and the number of the image in it.
        lost: What a TIFF would hold, but is not written again.
    """

    kind: Kind | None = None
    compression: str | None = None
    predictor: bool = False
    tile: tuple[int, int] | None = None
    inverted: bool = False
    big: bool = False
    orientation: int = 1
    software: bytes = b""
    description: bytes = b""
    said: str = "{}"
    tags: tuple[Tag, ...] = ()
    dtype: str = field(default="", compare=False)
    height: int = field(default=0, compare=False)
    imagej: ImageJMetadata = field(default=ImageJMetadata(), compare=False)
    ome: tuple[str, int] | None = field(default=None, compare=False)
    lost: tuple[str, ...] = field(default=(), compare=False)

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        return (
            *self.lost,
            *self.of_kind,
            *(["image description"] if self.description else []),
            *([f"metadata: {', '.join(json.loads(self.said))}"] if self.said != "{}" else []),
            *(["software"] if self._is_of_a_maker else []),
            *([f"orientation (shown {_SHOWN[self.orientation]} there)"] if self.orientation != 1 else []),
            *(["white is 0 (shown inverted there)"] if self.inverted else []),
            *in_words(self.tags),
        )

    @property
    def _is_of_a_maker(self) -> bool:
        """Whether the software of a plain file is more than the library that wrote it."""
        return self.kind == "plain" and bool(self.software) and not self.software.startswith(b"tifffile")

    @property
    def of_kind(self) -> tuple[str, ...]:
        """What only a file of the same kind keeps, in words."""
        return self.imagej.annotations + (ome_annotations(*self.ome) if self.ome else ())


def read_style(tif: Any, number: int, sizes: dict[str, int]) -> TiffStyle:
    """The style of a series. Lossy compression becomes zlib, so that nothing is lost on writing.

    Args:
        tif: The open file.
        number: That of the series.
        sizes: The image's, along each axis.
    """
    series = tif.series[number]
    page = series.keyframe
    compression = None if page.compression == 1 else _LOSSLESS.get(int(page.compression), "zlib")
    kind: Kind = "imagej" if tif.is_imagej else "ome" if tif.is_ome else "plain"
    texts, said = _descriptions(page) if kind == "plain" else (b"", {})
    foreign = series.kind not in _COPIED_SERIES
    tags, lost_tags = ((), (f"{series.kind.upper()} metadata",)) if foreign else kept_tags(tif, page)
    software = raw_text(tif, page.tags.get(305))
    has_ome = kind == "ome" and ome_root(tif) is not None
    return TiffStyle(
        kind=kind,
        compression=compression,
        predictor=page.predictor != 1 and compression in _WITH_PREDICTOR,
        tile=(page.tilelength, page.tilewidth) if page.is_tiled else None,
        inverted=int(page.photometric or 0) == 0 and "PhotometricInterpretation" in page.tags,
        big=tif.is_bigtiff,
        orientation=_orientation(page),
        software=b"" if foreign else software,
        description=b"" if foreign else texts,
        said=json.dumps(said),
        tags=tags,
        dtype=str(series.dtype),
        height=sizes["Y"],
        imagej=_imagej(tif, page, sizes) if kind == "imagej" else ImageJMetadata(),
        ome=(tif.ome_metadata, number) if has_ome else None,
        lost=(*lost_tags, *_lost(tif, number)),
    )


def _imagej(tif: Any, page: Any, sizes: dict[str, int]) -> ImageJMetadata:
    said = tif.imagej_metadata or {}
    return read_imagej(said, sizes, other_calibration(said, page))


def _lost(tif: Any, number: int) -> list[str]:
    """What else is not written again."""
    series = tif.series[number]
    lost = ["alpha"] if has_alpha(series) else []
    lost += ["pyramid"] if len(series.levels) > 1 else []
    others = len(tif.series) - 1
    lost += [f"{others} other image{'s' if others > 1 else ''} in the file"] if others else []
    unnamed = unnamed_pages(tif)
    lost += [f"{unnamed} page{'s' if unnamed > 1 else ''} that the description does not name"] if unnamed else []
    lost += of_single_pages(tif, series)
    return lost


def _orientation(page: Any) -> int:
    value = page.tags.valueof(274, default=1)
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _descriptions(page: Any) -> tuple[bytes, dict[str, Any]]:
    """The description of a plain file, and what tifffile's own beside it says."""
    texts = [raw_text(page.parent, tag) for tag in page.tags.getall(270, [])]
    shaped = [text for text in texts if text.startswith(b"shape=") or (text.startswith(b"{") and b'"shape":' in text)]
    said = json.loads(shaped[0]) if shaped and shaped[0].startswith(b"{") else {}
    for name in ("shape", "axes", "truncated", "unit", "spacing"):
        said.pop(name, None)
    return next((text for text in texts if text not in shaped), b""), said


def choose_kind(spec: OutputSpec, style: TiffStyle) -> Kind:
    """The input's kind, else ImageJ; OME where ImageJ cannot hold the dtype, the order of axes or more than 4 GB."""
    kind = style.kind or "imagej"
    in_order = spec.axes == "".join(letter for letter in _IMAGEJ_AXES if letter in spec.axes)
    if kind == "imagej" and (spec.dtype.name not in _IMAGEJ_TYPES or spec.bytes > _BIG or not in_order):
        kind = "ome"
    return "plain" if kind == "ome" and spec.dtype.name not in _OME_TYPES else kind


def write_options(spec: OutputSpec, style: TiffStyle) -> tuple[Layout, dict[str, Any], dict[str, Any], list[str]]:
    """The order of the axes in the file, the options of ``TiffWriter`` and of its ``write``, and what is not kept."""
    kind = choose_kind(spec, style)
    layout = Layout(spec.axes)
    file_options: dict[str, Any] = {"bigtiff": spec.bytes > _BIG or (style.big and kind != "imagej"), "ome": False}
    described, lost = _described(kind, spec, style)
    resolution = _resolution(kind, spec.pixel_size)
    if kind != "ome" and spec.pixel_size and not resolution:
        lost = [*lost, f"pixel size ({spec.pixel_size}, which is too small or too large for a TIFF of this kind)"]
    if kind == "imagej" or (kind == "ome" and "description" not in described):
        file_options[kind] = True
    page: dict[str, Any] = {
        "photometric": "miniswhite" if style.inverted else "minisblack",
        **described,
        **resolution,
        "extratags": fitting(_of_part(spec, style), same_dtype=spec.dtype.name == style.dtype),
    }
    if style.orientation != 1:
        page["extratags"].append((274, 3, 1, style.orientation, False))
    if style.compression:
        page |= {"compression": style.compression, "predictor": style.predictor}
    if style.tile and all(side % 16 == 0 for side in style.tile):
        page["tile"] = style.tile
    return layout, file_options, page, [*style.lost, *lost]


def _of_part(spec: OutputSpec, style: TiffStyle) -> list[Tag]:
    """The tags of an image, or of a part of it, which may end above the data bar."""
    ends_above = spec.offset.get("Y", 0) + spec.sizes["Y"] < style.height
    return [without_bar(tag) for tag in style.tags] if ends_above else list(style.tags)


def _described(kind: Kind, spec: OutputSpec, style: TiffStyle) -> tuple[dict[str, Any], list[str]]:
    """The options that write what the file says of the image, in a file of a kind, and what is not kept."""
    metadata = _metadata(kind, spec)
    software = style.software
    lost = [] if kind == style.kind else list(style.of_kind)
    if kind == "ome" and style.ome:
        xml, lost = rewrite(*style.ome, spec)
        return {"description": xml, "metadata": None, "software": software or False}, lost
    if kind == "imagej":
        said, lost = imagej_options(style.imagej, spec)
        told = style.imagej.other_calibration(spec)
        resolution = {"resolution": told["resolution"], "resolutionunit": 1} if "resolution" in told else {}
        return {"metadata": said | metadata, "software": software or False, **resolution}, lost
    if spec.history:
        software = b"; ".join(filter(None, (software, spec.history.encode())))
    options: dict[str, Any] = {"metadata": json.loads(style.said) | metadata, "software": software or False}
    if kind == "plain" and (style.description or style.tags) and _is_plain_enough(spec, style):
        options["metadata"] = None
    if kind == "plain" and style.description:
        options["description"] = style.description
    return options, lost


def _is_plain_enough(spec: OutputSpec, style: TiffStyle) -> bool:
    """Whether a file needs no description of tifffile's, which is not a maker's, to be read as it is meant."""
    sizes = spec.pixel_size.to("m").values if spec.pixel_size else {}
    in_tags = not sizes or ({"Y", "X"} == set(sizes) and sizes["X"] < PRINT_METRES)
    return spec.axes in ("YX", "ZYX") and in_tags and style.said == "{}"


def _metadata(kind: Kind, spec: OutputSpec) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": spec.axes}
    if kind == "ome" and spec.history:
        metadata["Description"] = spec.history
    if spec.pixel_size is None:
        return metadata
    if kind == "ome":
        for axis, size in spec.pixel_size.values.items():
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": spec.pixel_size.unit}
        return metadata
    unit = _tag_unit(spec.pixel_size)
    metadata["unit"] = "micron" if unit == "µm" else unit  # TIFF's text is ASCII; ImageJ reads both
    if "Z" in spec.pixel_size.values:
        metadata["spacing"] = spec.pixel_size.to(unit).values["Z"]
    return metadata


def _tag_unit(pixel_size: PixelSize) -> str:
    return pixel_size.unit if pixel_size.unit in ("nm", "µm", "mm", "cm") else "nm"


def _resolution(kind: Kind, pixel_size: PixelSize | None) -> dict[str, Any]:
    """Pixels per unit: ImageJ's unit is in its description, that of a plain file is the centimetre."""
    if kind == "ome" or pixel_size is None or not {"Y", "X"} <= set(pixel_size.values):
        return {}
    sizes = pixel_size.to(_tag_unit(pixel_size) if kind == "imagej" else "cm").values
    if not all(1 / _MOST_PER_UNIT < sizes[axis] < _MOST_PER_UNIT for axis in "XY"):
        return {}
    return {"resolution": (1 / sizes["X"], 1 / sizes["Y"]), "resolutionunit": 1 if kind == "imagej" else 3}
