"""A denoiser in use: arrays to arrays, files to files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray

from pellucid.device import choose_device, free_memory
from pellucid.errors import InputError
from pellucid.images import (
    ClipReport,
    Conversion,
    Image,
    Intensity,
    Source,
    Writer,
    check_finite,
    create_image,
    open_source,
)
from pellucid.images.naming import beside, extra_path, float_path, output_paths, refuse_existing, refuse_unsafe
from pellucid.inference import DenoisedPlane, denoise_plane
from pellucid.methods import Denoiser, build
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.report import terminal
from pellucid.runs.folder import Run
from pellucid.runs.progress import denoising_bar

Array = NDArray[Any]


@dataclass(frozen=True)
class Outputs:
    """Where the results of one image go: the denoised image, its parts by name, the removed noise."""

    main: Path
    parts: Mapping[str, Path]
    noise: Path | None

    @property
    def paths(self) -> list[Path]:
        """All of them."""
        return [self.main, *self.parts.values(), *([self.noise] if self.noise else [])]


@dataclass(frozen=True)
class Written:
    """A denoised file.

    Attributes:
        source: what was denoised.
        path: where the result is.
        clipped: how many pixels had to be clipped to the pixel type.
        notes: what the format could not keep.
    """

    source: str
    path: Path
    clipped: ClipReport
    notes: tuple[str, ...]


class Model:
    """A denoiser with the pixel type and the intensity range it is for.

    It comes from a trained run (`load`), or from images and a recipe that needs no training (`for_images`).

    Args:
        recipe: of the method.
        denoiser: in evaluation mode.
        intensity: of the noisy images.
        dtype: of the noisy images; others mean something else by their numbers and are refused. None: all are taken.
        memory: bytes that the networks may use; larger images are denoised in tiles that give the same pixels.
        device: where to compute.
    """

    def __init__(
        self,
        recipe: Recipe,
        denoiser: Denoiser,
        intensity: Intensity,
        dtype: np.dtype[Any] | None = None,
        *,
        device: str = "auto",
        memory: int | None = None,
    ) -> None:
        self.recipe = recipe
        self.variant = recipe.preset
        """Which of its kind it is, in words: the preset, or the weights of a run."""
        self.intensity = intensity
        self.dtype = dtype
        self.device = choose_device(device)
        self.memory = free_memory() // 2 if memory is None else memory
        self.denoiser = denoiser.to(self.device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def load(
        cls, folder: str | Path, *, weights: str | None = None, device: str = "auto", memory: int | None = None
    ) -> Model:
        """The model of a run.

        Args:
            folder: of the run.
            weights: "last" or "average"; as the recipe says if not given.
            device: "auto", "cpu", "cuda", ...
            memory: bytes that the networks may use; half of what is free if not given.

        Raises:
            InputError: this is no run's folder, or a part of it is missing, damaged or too new.
        """
        run = Run(folder)
        recipe = run.recipe()  # first: it tells whether this is a run at all
        intensity, dtype = run.intensities()["noisy"], run.dtypes()["noisy"]
        model = cls(recipe, run.denoiser(weights), intensity, dtype, device=device, memory=memory)
        model.variant = f"{weights or recipe.weights} weights"
        return model

    @classmethod
    def for_images(
        cls,
        recipe: Recipe,
        images: Any,
        *,
        intensity: tuple[float, float] | None = None,
        device: str = "auto",
        memory: int | None = None,
    ) -> Model:
        """A model without training, in the intensity range of the images it is to denoise.

        Args:
            recipe: of a method that needs no training, or learns from each image while it denoises.
            images: file, folder, glob, array or list; what they hold together is between black and white.
            intensity: black and white, if the images shall not say it.
            device: "auto", "cpu", "cuda", ...
            memory: bytes that the method may use; half of what is free if not given.

        Raises:
            InputError: the method learns first, settings do not work together, or the images cannot be read.
        """
        if isinstance(recipe, LearningRecipe):
            raise InputError(
                f"{recipe.name} learns first: pellucid train --recipe {recipe.name} ... --out RUN, then --model RUN"
            )
        for warning in recipe.check():
            terminal.warn(warning)
        source = open_source(images)
        measured = Intensity.given(*intensity) if intensity else Intensity.of_source(source)
        dtype = None if intensity else source.dtypes[0]
        return cls(recipe, build(recipe).denoiser.eval(), measured, dtype, device=device, memory=memory)

    def with_intensity(self, low: float, high: float) -> Model:
        """The same model for images of any pixel type in which `low` is as dark as black was in training, `high` white.

        Raises:
            InputError: not two finite numbers, the lower first.
        """
        other = copy.copy(self)
        other.intensity, other.dtype = Intensity.given(low, high), None
        return other

    def denoise(
        self,
        images: Array | str | Path,
        output: str | Path | None = None,
        *,
        intensity: tuple[float, float] | None = None,
        **options: Any,
    ) -> Array | Path:
        """Denoise an array, giving an array, or files, giving the path of the result.

        Args:
            images: array (Y, X) or a stack of such, of any type and size from 16×16; or a file, folder or glob.
            output: where files go; beside the input with `_denoised` in the name if not given.
            intensity: which intensities were black and white in training, for another pixel type than there.
            options: for files, those of `denoise_files`.

        Returns:
            An array of the same shape and dtype, or a path with the same format, dtype, axes and pixel size.

        Raises:
            InputError: images that cannot be read or used, or an output that exists.
        """
        model = self.with_intensity(*intensity) if intensity else self
        if isinstance(images, np.ndarray):
            if output is not None or options:
                raise InputError("an array gives an array: an output and options of files go with files alone")
            return model._denoise_array(images)
        target = Path(output) if output is not None else beside(images)
        model.denoise_files(images, target, **options)
        return target

    def planes(self, image: Image) -> Iterator[tuple[Array, DenoisedPlane]]:
        """Each plane of an image as it is, and denoised in [−1, 1]."""
        for plane in image.planes:
            pixels = plane.read()
            check_finite(plane.name, pixels)
            try:
                denoised = denoise_plane(self.denoiser, self.intensity.to_unit(pixels), self.memory)
            except InputError as problem:
                raise InputError(f"{plane.name}: {problem}") from None
            yield pixels, denoised

    def denoise_files(
        self,
        spec: Any,
        output: str | Path,
        *,
        parts: bool = False,
        noise: bool = False,
        overwrite: bool = False,
    ) -> list[Written]:
        """Denoise every image of a source into files of the same format, dtype, axes and pixel size.

        Args:
            spec: file, folder, glob or list.
            output: a file for one image, else a folder.
            parts: write each estimate of the clean image as well, with its name in the file's.
            noise: write what was removed as well, as float32.
            overwrite: replace files that exist.

        Raises:
            InputError: images that cannot be read or used, or outputs that exist.
            RunError: the disk is full.
        """
        source = open_source(spec)
        self._refuse_other_types(source)
        targets = output_paths(source, spec, Path(output))
        names = self.denoiser.part_names if parts else ()
        plans = [
            Outputs(
                target,
                {name: extra_path(target, name) for name in names},
                float_path(target, "noise") if noise else None,
            )
            for target in targets
        ]
        paths = [path for plan in plans for path in plan.paths]
        refuse_unsafe(paths, source, spec)
        if not overwrite:
            refuse_existing(paths)
        with denoising_bar(self.denoiser, len(source.planes)) as after_plane:
            return [
                self._denoise_file(image, plan, after_plane, overwrite=overwrite)
                for image, plan in zip(source.images, plans, strict=True)
            ]

    def _denoise_file(
        self, image: Image, outputs: Outputs, after_plane: Callable[[], None], *, overwrite: bool
    ) -> Written:
        with ExitStack() as stack:

            def writer(path: Path, dtype: DTypeLike | None = None) -> Writer:
                return stack.enter_context(create_image(path, image, dtype=dtype, overwrite=overwrite))

            main = writer(outputs.main)
            parts = {name: writer(path) for name, path in outputs.parts.items()}
            noise = writer(outputs.noise, np.float32) if outputs.noise else None
            for number, (noisy, done) in enumerate(self.planes(image)):
                denoised = self.intensity.from_unit(done.image)
                main.write(number, denoised)
                for name, part in parts.items():
                    part.write(number, self.intensity.from_unit(done.parts[name]))
                if noise:
                    noise.write(number, noisy.astype(np.float32) - denoised)
                after_plane()
        return Written(image.path, outputs.main, main.report, tuple(main.notes))

    def _denoise_array(self, array: Array) -> Array:
        source = open_source(array)
        self._refuse_other_types(source)
        (image,) = source.images
        convert = Conversion(array.dtype)
        planes = []
        with denoising_bar(self.denoiser, len(image.planes)) as after_plane:
            for _, done in self.planes(image):
                planes.append(convert(self.intensity.from_unit(done.image)))
                after_plane()
        return np.stack(planes).reshape(array.shape)

    def _refuse_other_types(self, source: Source) -> None:
        for image in source.images:
            if self.dtype is None or image.dtype == self.dtype or image.dtype.kind == self.dtype.kind == "f":
                continue
            raise InputError(
                f"{image.path}: holds {image.dtype.name} pixels, but the model was trained on {self.dtype.name}: "
                "convert them, or say what black and white are by --range LOW HIGH (in Python: intensity=(LOW, HIGH))"
            )
