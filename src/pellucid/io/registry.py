"""The formats by file extension. A new format is one file in ``formats/`` and one line in ``FORMATS``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from pellucid.errors import InputError
from pellucid.files import ZARR_FILES
from pellucid.io import rosettasciio
from pellucid.io.image import Image, reading
from pellucid.io.manifest import WholeFiles
from pellucid.io.output_spec import ArrayWriter, OutputSpec, Style
from pellucid.io.signatures import other_format


class FormatModule(Protocol):
    """The names that each file in ``formats/`` defines."""

    WRITABLE: tuple[str, ...]
    STYLE: type[Style]  # only if files of the format have annotations, or more that is copied
    OWN: tuple[str, ...]  # only if some of these annotations are true of every file of the format

    def open_file(self, path: str, inner: str | None) -> Image:
        """Open the image in a file, without reading its pixels."""

    def create(self, path: Path, spec: OutputSpec) -> ArrayWriter:
        """Start a file at ``path``."""

    def reopen(self, path: Path, spec: OutputSpec) -> ArrayWriter:
        """Continue a file that ``create`` began with the same spec, perhaps in a process that was killed."""

    # A format whose files can hold several images also has contents(path: str) -> list[str], see below.


@dataclass(frozen=True)
class Format:
    """A format's name, its extensions (the recommended one first) and its module.

    Attributes:
        marks: For images that are folders: files by which one is recognised whatever its name, each with a key that
            its JSON must have (none if empty).
        inside: For files that can hold several images: what names one of them after a colon, as a regular expression.
        instead: For formats that are only read: the extension to write.
        is_bare: Whether files do not describe their pixels: they are images only with what stands after the colon.
        is_lossy: Whether its compression loses detail.
    """

    name: str
    extensions: tuple[str, ...]
    module: str
    marks: tuple[tuple[str, str], ...] = ()
    inside: str = ""
    instead: str = ".tif"
    is_bare: bool = False
    is_lossy: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether its images are folders."""
        return bool(self.marks)

    def marked(self, folder: Path) -> bool:
        """Whether a folder has one of the marks."""
        return any(_has_key(folder / name, key) for name, key in self.marks)

    def load(self) -> FormatModule:
        """Import the module, and with it the library it needs."""
        return cast(FormatModule, import_module(f"pellucid.io.formats.{self.module}"))

    def check(self, spec: OutputSpec) -> None:
        """Call the module's ``check``, if it has one, which may refuse a spec before anything is written."""
        getattr(self.load(), "check", lambda _: None)(spec)

    def create(self, path: Path, spec: OutputSpec) -> ArrayWriter:
        """Start a file; its notes name what the format cannot keep."""
        return self._noted(self.load().create(path, spec), spec)

    def reopen(self, path: Path, spec: OutputSpec) -> ArrayWriter:
        """Continue a file that ``create`` began with the same spec."""
        return self._noted(self.load().reopen(path, spec), spec)

    def _noted(self, writer: ArrayWriter, spec: OutputSpec) -> ArrayWriter:
        """A writer whose notes tell what a file of another format says and this format does not keep."""
        module = self.load()
        told = () if isinstance(spec.style, getattr(module, "STYLE", ())) else spec.style.annotations
        lost = [words for words in told if words not in getattr(module, "OWN", ())]
        writer.notes += [f"not kept by {self.name}: {', '.join(lost)}"] if lost else []
        return writer


_MRC = (".mrc", ".map", ".rec", ".mrcs", ".st", ".ali", ".preali", ".ccp4")  # the first three also compressed

FORMATS = (
    Format("TIFF", (".tif", ".tiff", ".btf", ".tf8"), "tiff", inside=r"\d+"),
    Format("OME-Zarr", (".zarr",), "zarr", tuple((name, "") for name in ZARR_FILES), inside=".+"),
    Format("HDF5", (".h5", ".hdf5", ".hdf", ".he5"), "hdf5", inside=".*"),
    Format("MRC", (*_MRC, *(f"{plain}{packed}" for plain in _MRC[:3] for packed in (".gz", ".bz2"))), "mrc"),
    Format("NPY", (".npy",), "npy"),
    Format("PNG", (".png",), "png"),
    Format("JPEG", (".jpg", ".jpeg"), "jpeg", instead=".png", is_lossy=True),
    Format(
        "N5",
        (".n5",),
        "n5",
        (("attributes.json", "dimensions"), ("s0/attributes.json", "dimensions")),
        instead=".zarr",
    ),
    Format("neuroglancer precomputed", (".precomputed",), "precomputed", (("info", "scales"),), instead=".zarr"),
    Format("zipped OME-Zarr", (".zarr.zip", ".ozx"), "zarr_zip", inside=".+", instead=".zarr"),
    Format("EMD", (".emd",), "emd", inside=".*", instead=".h5"),
    Format("DigitalMicrograph", (".dm3", ".dm4"), "dm", inside=r"\d+"),
    Format("SER", (".ser",), "ser"),
    Format("ND2", (".nd2",), "nd2", inside=r"\d+"),
    Format("LIF", (".lif",), "lif", inside=r"\d+"),
    Format("FluoView", (".oib", ".oif"), "fluoview"),
    Format("raw", (".raw", ".bin"), "raw", inside=".*", is_bare=True),
)

_BFCONVERT = "convert it with bfconvert of Bio-Formats, as in: bfconvert {name} {stem}.ome.tif"
_FRAMES = "it is a video: export its frames as TIFF with Fiji or ffmpeg"
_AS_TIFF = "open it in Fiji and save it as TIFF"
#: What turns files into images that can be read, by extension.
CONVERSIONS = {
    **dict.fromkeys((".czi", ".vsi", ".svs", ".ndpi", ".scn", ".oir", ".lsm", ".ims", ".mvd2"), _BFCONVERT),
    **dict.fromkeys((".avi", ".mov", ".mp4", ".mkv", ".wmv"), _FRAMES),
    **dict.fromkeys((".bmp", ".gif", ".webp", ".jp2", ".heic", ".dm2", ".fits"), _AS_TIFF),
    ".emi": "the pixels are in the .ser file beside it: give that",
}


def readable() -> str:
    """The extensions that can be read, for messages."""
    return ", ".join(extension for known in FORMATS for extension in known.extensions)


def writable() -> str:
    """The extensions that can be written, one per format, for messages."""
    return ", ".join(known.extensions[0] for known in FORMATS if known.load().WRITABLE)


def split(path: str | Path) -> tuple[Path, str | None]:
    """The file and what is meant in it: ``"stack.h5:/raw"`` is ``stack.h5`` and ``/raw``, ``"a.tif:1"`` its image 1."""
    match = _inside().fullmatch(str(path))
    return (Path(match["file"]), match["inner"].strip() or None) if match else (Path(path), None)


@cache
def _inside() -> re.Pattern[str]:
    """A file that can hold several images, a colon, and which one."""
    several = [known for known in FORMATS if known.inside]
    ends = ("|".join(map(re.escape, known.extensions)) for known in several)
    files = "|".join(f".*(?:{end})(?=:(?:{known.inside})$)" for end, known in zip(ends, several, strict=True))
    return re.compile(f"(?P<file>{files}):(?P<inner>.*)", re.IGNORECASE)


@cache
def _by_extension() -> dict[str, Format]:
    return {extension: known for known in FORMATS for extension in known.extensions}


def _by_name(file: Path) -> Format | None:
    """The format of the longest extension that is known: of ``.mrc.gz`` before ``.gz``."""
    known = (_by_extension().get("".join(file.suffixes[-count:]).lower()) for count in (2, 1))
    return next((each for each in known if each), None)


def _has_key(file: Path, key: str) -> bool:
    if not file.is_file():
        return False
    try:
        told = json.loads(file.read_bytes()) if key else {}
    except (OSError, ValueError):  # a file of another kind may have this name
        return False
    return isinstance(told, dict) and (not key or key in told)


def format_of(file: Path) -> Format | None:
    """The format of a file name, or of a folder that is an image; None if it is not an image."""
    by_name = _by_name(file)
    if not file.is_dir():
        return by_name
    return next((known for known in FORMATS if known.is_folder and (known is by_name or known.marked(file))), by_name)


def is_unread(file: Path) -> bool:
    """Whether a file is an image by its name that cannot be read as it is: it must be converted or described first.

    The files with the settings of an acquisition (.emi) count only without the files with its pixels beside them.
    """
    known = _by_name(file)
    if known:
        return known.is_bare
    suffix = file.suffix.lower()
    return suffix in CONVERSIONS and not (suffix == ".emi" and any(file.parent.glob("*.ser")))


def _refuse_what_is_no_file(file: Path, path: str) -> None:
    if file.is_symlink() and not file.exists():
        raise InputError(f"{path}: is a link to {file.readlink()}, which does not exist; repair or remove the link")
    if not file.exists():
        raise InputError(f"{path}: no such file; check the path")
    if not (file.is_file() or file.is_dir()):
        raise InputError(f"{path}: is neither a file nor a folder; give an image")
    shown = path.encode(errors="replace").decode()
    if shown != path:  # bytes of another system's encoding: no record of the work could name it
        raise InputError(f"{shown}: its name is not valid UTF-8; rename it")


def open_image(path: str | Path) -> Image:
    """Open an image without reading its pixels.

    Args:
        path: A file, a folder of OME-Zarr, N5 or neuroglancer's precomputed format, or one image of a file that holds
            several: ``"file.h5:/path/in/it"``, ``"file.tif:1"``, ``"file.zarr:name"``; ``"file.raw:512x512xuint16"``
            describes bare pixels.

    Raises:
        InputError: It is missing, damaged, in colour, or of an unknown format, shape or pixel type.
    """
    file, inner = split(path)
    _refuse_what_is_no_file(file, str(path))
    known, misnamed = format_of(file), None
    if known is None and file.is_dir():
        raise InputError(f"{path}: is a folder but not an image; give an image in it")
    if known is None and rosettasciio.reader_of(file):
        with reading(str(path)):
            return rosettasciio.open_file(str(file))
    if known is None:
        remedy = CONVERSIONS.get(file.suffix.lower(), f"it reads {readable()}")
        said = remedy.format(name=file.name, stem=file.stem)
        other = _by_content(file, "") if file.suffix.lower() not in CONVERSIONS else None
        said = f"it is {other.name} by its content: rename it to {file.stem}{other.extensions[0]}" if other else said
        raise InputError(f"{path}: not an image format that Pellucid reads; {said}")
    if file.is_dir() != known.is_folder:
        if known.is_folder:
            raise InputError(f"{path}: is a file, not a {known.name} folder; rename it or give the folder")
        raise InputError(f"{path}: is a folder, not a {known.name} file; rename it or give a file in it")
    if not known.is_folder and not known.is_bare:
        misnamed = _by_content(file, known.name)
    try:
        with reading(str(path)):
            image = (misnamed or known).load().open_file(str(file), inner)
    except MemoryError as error:
        raise InputError(
            f"{path}: needs more memory to be opened than there is; it may be damaged: export it again, as .mrc or "
            ".zarr if it is so large"
        ) from error
    except InputError as problem:
        if misnamed is None:
            raise
        raise InputError(f"{problem} (it is {misnamed.name} by its content, not {known.name}: rename it)") from problem
    if image.pixel_size and not image.pixel_size.is_plausible:
        image.pixel_size = None
    if misnamed:
        image.read_as, image.extension = f"{misnamed.name}, by its content", misnamed.extensions[0]
    if not known.is_folder and image.files is None:
        image.files = WholeFiles(image.path, image.shape, lambda: [file])
    return image


def _by_content(file: Path, expected: str) -> Format | None:
    """The format that a file has by its first bytes, where that is another than its name says.

    Raises:
        InputError: It cannot be read, or is of a format that is not read.
    """
    with reading(str(file)):
        other = other_format(file, expected)
    if other in CONVERSIONS:
        remedy = CONVERSIONS[other].format(name=f"{file.stem}{other}", stem=file.stem)
        raise InputError(f"{file}: is {other[1:].upper()} by its content, whatever its name: rename it, then {remedy}")
    return next((known for known in FORMATS if known.name == other), None)


def contents(path: str | Path) -> list[str]:
    """The images in a file, one line each, beginning with what opens it; empty if it cannot hold several."""
    file, _ = split(path)
    known = format_of(file)
    listed: list[str] = getattr(known.load(), "contents", lambda _: [])(str(file)) if known else []
    return listed


def writable_format(path: Path, spec: OutputSpec) -> Format:
    """The format for an output.

    Raises:
        InputError: The extension is unknown, or the format cannot store what the spec asks for.
    """
    known = _by_name(path)
    if known is None:
        raise InputError(f"{spec.path}: unknown extension {path.suffix or '(none)'}; use one of {writable()}")
    able = known.load().WRITABLE
    if not able:
        why, instead = ("loses detail and is", ".tif or .png") if known.is_lossy else ("is", known.instead)
        raise InputError(f"{spec.path}: {known.name} {why} only read; write {instead} instead")
    if spec.dtype.name not in able:
        other = " or ".join(f.extensions[0] for f in FORMATS[:3] if spec.dtype.name in f.load().WRITABLE)
        raise InputError(
            f"{spec.path}: {known.name} cannot hold {spec.dtype.name} pixels; write {other}, "
            f"or ask for one of {', '.join(able)}"
        )
    known.check(spec)
    return known
