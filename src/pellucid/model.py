"""A denoiser in use: arrays to arrays, files to files."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pellucid.blockwise.arrays import denoise_arrays, names_files, open_arrays, planes_at_hand
from pellucid.blockwise.cluster import Cluster
from pellucid.blockwise.denoised_files import DenoisedFile
from pellucid.blockwise.dry_run import Needs
from pellucid.blockwise.plan import DenoiseOptions, DenoiserSpec, Opener
from pellucid.blockwise.run import denoise_source, dry_run
from pellucid.box import DEFAULT, find_boxed
from pellucid.data.clipping import clipping_of
from pellucid.data.intensity_range import IntensityRange
from pellucid.data.neighbours import Neighbours
from pellucid.data.source import Source, is_path, open_usable
from pellucid.data.structure_statistics import StructureStatistics, structure_statistics
from pellucid.data.training_comparison import compare_with_training
from pellucid.device import choose_device, free_memory
from pellucid.errors import IncompleteError, InputError
from pellucid.evaluation import RemovedNoise
from pellucid.inference import Statistics
from pellucid.io.frames import Frames
from pellucid.io.image import Image, Plane
from pellucid.methods import Denoiser, build_denoiser, make_recipe
from pellucid.methods.digest import model_digest, short
from pellucid.methods.slices import slices_of
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.report import terminal
from pellucid.report.source_remarks import show_source_remarks
from pellucid.runs.model_zip import new_model_store, open_model_store
from pellucid.runs.sources import range_of
from pellucid.runs.stored_model import StoredModel
from pellucid.runs.thumbnails import put_thumbnails


class Model:
    """A denoiser with the pixel type and the intensity range it is for.

    It comes from a trained run (`load`), or from images and a recipe that needs no training (`for_images`).

    Args:
        recipe: of the method.
        denoiser: in evaluation mode.
        intensity_range: of the noisy images.
        dtype: of the noisy images; others, whose values mean other intensities, are refused. None: any.
        memory: bytes that the networks may use; images that do not fit are denoised in tiles, with the same pixels.
        device: "auto", "cpu", "cuda", ...
    """

    def __init__(
        self,
        recipe: Recipe,
        denoiser: Denoiser,
        intensity_range: IntensityRange,
        dtype: np.dtype[Any] | None = None,
        *,
        device: str = "auto",
        memory: int | None = None,
    ) -> None:
        self.recipe = recipe
        self.variant = recipe.preset
        """The preset of the recipe, or the weights of the run, in words."""
        self.intensity_range = intensity_range
        self.dtype = dtype
        self.device = choose_device(device)
        self.memory = free_memory(self.device.torch) // 2 if memory is None else memory
        self.denoiser = denoiser.to(self.device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.trained: Statistics | None = None
        """The moments that the norms saw in training; None if they are not known."""
        self.structure: StructureStatistics | None = None
        """Statistics of the noisy images of the training; None if they are not known."""
        self.removed: RemovedNoise | None = None
        """Statistics of the noise removed from the last array or list of arrays."""
        self.warned: list[str] = []
        """What was said of the last images before they were denoised."""
        self._device = device
        self._run: tuple[Path, str | None] | None = None
        self._only: str | None = None
        self._boxed: str | None = None
        self._stored: StoredModel | None = None
        self._range = intensity_range  # that of the training, also after `with_intensity_range`

    @classmethod
    def load(
        cls, folder: str | Path, *, weights: str | None = None, device: str = "auto", memory: int | None = None
    ) -> Model:
        """The model of a run.

        Args:
            folder: of the run, or the folder or zip that `save` wrote. A zip may come from anyone: it holds no code.
            weights: "best", "last" or "average"; the best if it is known, else as the recipe says.
            device: "auto", "cpu", "cuda", ...
            memory: bytes that the networks may use; half of what is free if not given.

        Raises:
            InputError: this is no run's folder or zip, or a part of it is missing, damaged or too new.
        """
        stored = open_model_store(folder).read(weights)
        model = cls(stored.recipe, stored.denoiser, stored.intensity_range, stored.dtype, device=device, memory=memory)
        model._stored, model.trained, model.structure = stored, stored.trained, stored.structure
        model.variant = f"{stored.weights} weights"
        boxed = find_boxed(folder)
        model._run = (boxed or Path(folder)).absolute(), weights
        model._boxed = str(folder) if boxed else None
        return model

    @classmethod
    def for_images(
        cls,
        recipe: Recipe,
        images: Any,
        *,
        intensity_range: tuple[float, float] | None = None,
        device: str = "auto",
        memory: int | None = None,
        frames: Frames = "separate",
    ) -> Model:
        """A model that needs no training, in the intensity range of the images to denoise.

        Args:
            recipe: of a method that needs no training, or learns from each image while it denoises.
            images: file, folder, glob, array or list; they set the intensity range.
            intensity_range: black and white, instead of those of the images.
            device: "auto", "cpu", "cuda", ...
            memory: bytes that the method may use; half of what is free if not given.
            frames: what becomes of the frames of a video: "separate" or "average".

        Raises:
            InputError: the method learns first, settings do not work together, or the images cannot be read.
        """
        if isinstance(recipe, LearningRecipe):
            raise InputError(
                f"{recipe.name} learns first: pellucid train --recipe {recipe.name} ... --out RUN, then --model RUN"
            )
        for warning in recipe.check():
            terminal.warn(warning)
        measured, dtype = _measured(images, frames) if intensity_range is None else (_given(intensity_range), None)
        return cls(recipe, build_denoiser(recipe), measured, dtype, device=device, memory=memory)

    def save(
        self,
        path: str | Path,
        *,
        licence: str | None = None,
        description: str | None = None,
        authors: Sequence[str] | None = None,
        thumbnails: bool = False,
        overwrite: bool = False,
    ) -> Path:
        """Write a trained model to be kept or given away: weights, recipe, intensity range, and a card for people.

        It has statistics of the training images (brightness, contrast, noise, size of structures), to warn of
        others, but not their names or paths. Its training cannot be resumed: that needs the run's own folder.

        Args:
            path: of a zip file if it ends in .zip, else of a folder; must not exist. It appears complete or not at all.
            licence: under which others may use it: an SPDX identifier such as "CC-BY-4.0", or words.
            description: what others should know.
            authors: names to be credited.
            thumbnails: also store crops before and after, from the run's previews: they show the training images.
            overwrite: replace a zip that exists.

        Returns:
            The path, for `load`.

        Raises:
            InputError: the path exists or cannot be written, or the model is untrained, or one estimate alone; or
                thumbnails of a model without previews.
            RunError: the disk is full.
        """
        signed = self.stored.signed(licence, description, authors)
        with new_model_store(path, overwrite=overwrite) as store:
            store.write(signed)
            if thumbnails:
                put_thumbnails(store, self._run[0] if self._run else None)
        return Path(path)

    @property
    def stored(self) -> StoredModel:
        """All that is saved of a trained model.

        Raises:
            InputError: the model is untrained, or one estimate alone.
        """
        if not isinstance(self.recipe, LearningRecipe):
            raise InputError(f"{self.recipe.name} has learned nothing that could be saved: use it by its name")
        if self._only is not None:
            raise InputError(f"this is {self._only} alone: save the whole model, then use only({self._only!r}) of it")
        if self._stored is None:
            raise InputError("the statistics of this model's training are not known: save a model that `load` returned")
        return self._stored._replace(intensity_range=self.intensity_range, dtype=self.dtype)

    @property
    def digest(self) -> str:
        """SHA-256 of recipe and weights, in hexadecimal digits: the same for equal models, wherever they are stored."""
        return model_digest(self._settings, self.denoiser.state_dict())

    @property
    def _settings(self) -> Mapping[str, Any]:
        """The recipe's settings, of a trained model as they were stored."""
        return self._stored.settings if self._stored else self.recipe.model_dump(exclude_none=True)

    def __repr__(self) -> str:
        only = f", {self._only} alone" if self._only is not None else ""
        kind = self.dtype.name if self.dtype is not None else "any pixel type"
        return (
            f"<Model {self.recipe.name} ({self.variant}{only}) for {kind}, black {self.intensity_range.low:g}, "
            f"white {self.intensity_range.high:g}, digest {short(self.digest)}, on {self.device}>"
        )

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_")]

    def with_intensity_range(self, low: float, high: float) -> Model:
        """The same model for images of any pixel type in which `low` is as dark as black was in training, `high` white.

        Raises:
            InputError: not two finite numbers, the lower first.
        """
        return self.for_range(IntensityRange.from_limits(low, high), None)

    def for_range(self, intensity_range: IntensityRange, dtype: np.dtype[Any] | None) -> Model:
        """The same model for images of this intensity range and pixel type; of any type if there is none."""
        other = copy.copy(self)
        other.intensity_range, other.dtype = intensity_range, dtype
        return other

    def only(self, estimate: str) -> Model:
        """The same model with one of its estimates as the result, computed without the others: faster, less accurate.

        Args:
            estimate: for ISCL "F" or "x-H".

        Raises:
            InputError: the method has no such estimate.
        """
        other = copy.copy(self)
        other.denoiser, other._only = self.denoiser.only(estimate), estimate
        if self.trained is not None:
            kept = set(other.denoiser.networks())
            measured = zip(self.denoiser.networks(), self.trained, strict=True)
            other.trained = [moments for network, moments in measured if network in kept]
        return other

    def denoise(
        self,
        images: Any,
        output: str | Path | None = None,
        *,
        intensity_range: tuple[float, float] | None = None,
        **options: Any,
    ) -> Any:
        """Denoise an array, giving an array, or files, giving the path of the result.

        Args:
            images: array (Y, X) to (T, C, Z, Y, X) of any library, at least 16×16, or a list of such; or a file,
                folder, glob or list of files.
            output: where files go. For an array: the file that the result is written to, plane by plane.
            intensity_range: intensities that were black and white in training, for images of another pixel type.
            options: for files, those of `DenoiseOptions`; for an array with an output, `overwrite`.

        Returns:
            For files, the path of the result: the same format, dtype, axes and pixel size. For an array its own kind,
            in its shape and dtype: NumPy, with the mask if it has one, torch on its device, xarray with its
            coordinates, a Dask array that is denoised when it is computed. Zarr and HDF5 give NumPy arrays, a list
            gives a list.

        Raises:
            InputError: images that cannot be read or used, no output for files, or one that exists.
            IncompleteError: some files of a folder or glob were left out; the others are done.
        """
        model = self.with_intensity_range(*_limits(intensity_range)) if intensity_range is not None else self
        if not names_files(images):
            spec, source = model.spec, open_arrays(images)
            model.refuse_other_types(source.images)
            model._warn_of(planes_at_hand(source), source.images)
            result, self.removed = denoise_arrays(spec, source, output, **options)
            return result
        if output is None:
            named = images if is_path(images) else "files"
            raise InputError(f"{named}: say where the result shall go, as in denoise({str(named)!r}, 'denoised')")
        model.denoise_files(images, output, **options)
        return Path(output)

    @property
    def name(self) -> str:
        """Its name in messages: the run's folder or the zip, or the recipe."""
        if self._boxed is not None:
            return f"the model {self._boxed}"
        return f"the model {self._run[0]}" if self._run else f"the method {self.recipe.name}"

    @property
    def boxed(self) -> bool:
        """Whether it came with Pellucid, and has never seen images of this kind."""
        return self._boxed is not None

    def compare_with_training(self, planes: Sequence[Plane]) -> list[str]:
        """Differences between planes and those of the training, a line each; a few crops of them are read."""
        if self.structure is None or not planes:
            return []
        try:
            found = structure_statistics(planes)
        except (InputError, OSError):  # said where these pixels are needed
            return []
        if found is None:
            return []
        return [
            finding.text for finding in compare_with_training(self.structure, self._range, found, self.intensity_range)
        ]

    def _warn_of(self, planes: Sequence[Plane], images: Sequence[Image]) -> None:
        self.warned = [*self.compare_with_training(planes), *_clipped(planes), *self.single_slices(images)]
        for warning in self.warned:
            terminal.warn(warning)

    def single_slices(self, images: Sequence[Image]) -> list[str]:
        """What to say of images without neighbouring slices, if the model sees such: a line, or none."""
        slices = slices_of(self.denoiser)
        neighbours = Neighbours(images, slices)
        alone = [image.path for image in images if slices > 1 and neighbours.are_alone(image)]
        if not alone:
            return []
        more = f" and {len(alone) - 1} more" if len(alone) > 1 else ""
        return [
            f"{alone[0]}{more}: is a single slice, but this model was trained to see {slices} neighbouring ones: it is "
            "given the slice in their place, and the result may be worse than in a volume"
        ]

    def warn_of_single_slices(self, images: Sequence[Image]) -> None:
        """Say it in the terminal."""
        for warning in self.single_slices(images):
            terminal.warn(warning)

    @property
    def spec(self) -> DenoiserSpec:
        """The denoiser with what a run must know of it."""
        return DenoiserSpec(
            self.denoiser,
            self.intensity_range,
            self._settings,
            self.memory,
            self.trained,
            self.name,
            f"{self._boxed} ({self.recipe.name})" if self._boxed else self.recipe.name,
        )

    def opener(self) -> Opener:
        """How another process opens this model's denoiser: from the run's folder or the zip, or from the recipe.

        Raises:
            InputError: it comes from neither.
        """
        if self._run is not None and self._run[0].exists():
            return partial(_from_run, *self._run, self._only, self.intensity_range, self._device)
        if isinstance(self.recipe, LearningRecipe):
            raise InputError("a cluster opens the model from its folder: save it, and load it from there")
        return partial(_from_recipe, self.recipe, self.intensity_range, self._device)

    def denoise_files(
        self, images: Any, output: str | Path, options: DenoiseOptions | None = None, **keywords: Any
    ) -> list[DenoisedFile]:
        """Denoise every image of a source into files of the same format, dtype, axes and pixel size.

        Images may be larger than memory. Stopped, and called again with the same arguments, it resumes where it was.

        Args:
            images: file, folder, glob or list.
            output: a file for one image, else a folder.
            options: how; by default those of `keywords`.
            keywords: fields of `DenoiseOptions`, such as `overwrite=True`.

        Raises:
            InputError: images or a cluster that cannot be used, or outputs that exist.
            IncompleteError: files of the folder or glob could not be used and were left out; the others are done.
            RunError: the disk is full, the cluster is lost, or some blocks could not be done.
        """
        options = options or DenoiseOptions(**keywords)
        cluster = Cluster(options.cluster, self.opener()) if options.cluster is not None else None
        spec, source = self.spec, self._open(images, options.frames)
        self._warn_of(source.planes, source.images)
        written = denoise_source(source, Path(output), spec, options, cluster)
        _refuse_left_out(source, written)
        return written

    def dry_run(self, images: Any, output: str | Path, options: DenoiseOptions | None = None, **keywords: Any) -> Needs:
        """Print what `denoise_files` would do, with time, memory and disk, and do nothing; return what it needs.

        Raises:
            InputError: as there.
        """
        options = options or DenoiseOptions(**keywords)
        source = self._open(images, options.frames)
        needs = dry_run(source, Path(output), self.spec, options)
        _refuse_left_out(source)
        return needs

    def _open(self, images: Any, frames: Frames) -> Source:
        source = open_usable(images, frames)
        if not any(map(self._takes, source.images)):
            self.refuse_other_types(source.images)
        source = source.of_one_type(self.dtype)
        show_source_remarks(source)
        if source.left_out:
            whole = f"{len(source.left_out)} of {len(source.left_out) + len(source.images)} files"
            terminal.warn(f"left out because they cannot be used: {whole}; they are named at the end")
        return source

    def _takes(self, image: Image) -> bool:
        return self.dtype is None or image.dtype == self.dtype or image.dtype.kind == self.dtype.kind == "f"

    def refuse_other_types(self, images: Sequence[Image]) -> None:
        """Raise InputError if pixels are of another type than the model's: their values mean other intensities."""
        for image in images:
            if self.dtype is None or self._takes(image):
                continue
            raise InputError(
                f"{image.path}: has {image.dtype.name} pixels, but the model was trained on {self.dtype.name}: "
                "convert them, or set black and white with --intensity-range LOW HIGH (in Python: "
                "intensity_range=(LOW, HIGH))"
            )


def open_model(
    images: Any,
    *,
    model: Model | str | Path | None = None,
    recipe: str | None = None,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    weights: str | None = None,
    intensity_range: tuple[float, float] | None = None,
    device: str = "auto",
    memory: int | None = None,
    frames: Frames = "separate",
) -> Model:
    """The model to denoise images with: a trained one, one of a recipe that needs no training, or that in the box.

    Args:
        images: which a recipe, or a model in the box, takes its intensity range from.
        model: a model, the folder of a run, a saved model, folder or zip, or the name of one in the box; with neither
            this nor a recipe, the one in the box.
        recipe: name of a recipe, instead of a model.
        preset: of the recipe: "quick" (default) or "paper".
        settings: of the recipe.
        weights: of the run: "best", "last" or "average".
        intensity_range: black and white, instead of those of the training or the images.
        device: "auto", "cpu", "cuda", ...; for a folder or a recipe.
        memory: bytes that the networks may use; for a folder or a recipe.
        frames: what becomes of the frames of a video, in images which a recipe takes its intensity range from.

    Raises:
        InputError: both a model and a recipe, or either cannot be used.
    """
    if model is not None and recipe is not None:
        raise InputError(
            "both a model and a recipe were given: choose the trained model, or the method without training"
        )
    if recipe is None and (preset is not None or settings):
        raise InputError("preset and settings go with a recipe: a trained model stays as it was trained")
    if recipe is not None:
        if weights is not None:
            raise InputError("weights go with a model: a recipe has none")
        chosen = make_recipe(recipe, preset or "quick", settings)
        return Model.for_images(
            chosen, images, intensity_range=intensity_range, device=device, memory=memory, frames=frames
        )
    named = DEFAULT if model is None else model
    loaded = named if isinstance(named, Model) else Model.load(named, weights=weights, device=device, memory=memory)
    if intensity_range is not None:
        return loaded.with_intensity_range(*_limits(intensity_range))
    return loaded.for_range(*_measured(images, frames)) if loaded.boxed else loaded


def _measured(images: Any, frames: Frames) -> tuple[IntensityRange, np.dtype[Any]]:
    """The intensity range and the pixel type of images."""
    source = open_usable(images, frames).of_one_type()
    return range_of(source), source.dtypes[0]


def _given(intensity_range: tuple[float, float]) -> IntensityRange:
    return IntensityRange.from_limits(*_limits(intensity_range))


def _limits(intensity_range: Any) -> tuple[float, float]:
    try:
        low, high = map(float, intensity_range)
    except (TypeError, ValueError):
        raise InputError(
            f"intensity_range={intensity_range!r}: black and white are wanted, as in intensity_range=(0, 255)"
        ) from None
    return low, high


def _clipped(planes: Sequence[Plane]) -> list[str]:
    """A line on clipped noise in planes, if it matters; a few crops of them are read."""
    try:
        found = clipping_of(planes)
    except (InputError, OSError):  # said where these pixels are needed
        return []
    return [found.text] if found.matters else []


def _refuse_left_out(source: Source, done: Sequence[DenoisedFile] = ()) -> None:
    """Raise IncompleteError if some files were left out."""
    if source.left_out:
        number = len(source.left_out)
        others = "are done" if done else "can be done"
        whole = f"left out {number} of {number + len(source.images)} files, the others {others}"
        raise IncompleteError(f"{whole}: {'; '.join(source.left_out)}", done)


def _from_run(
    folder: Path, weights: str | None, only: str | None, intensity_range: IntensityRange, device: str
) -> DenoiserSpec:
    model = Model.load(folder, weights=weights, device=device)
    model = model.only(only) if only is not None else model
    return model.with_intensity_range(intensity_range.low, intensity_range.high).spec


def _from_recipe(recipe: Recipe, intensity_range: IntensityRange, device: str) -> DenoiserSpec:
    return Model(recipe, build_denoiser(recipe), intensity_range, device=device).spec
