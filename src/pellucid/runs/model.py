"""A denoiser in use: arrays to arrays, files to files."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.device import choose_device, free_memory
from pellucid.errors import InputError
from pellucid.evaluation import RemovedNoise, removed_noise
from pellucid.heap import holding
from pellucid.images import Conversion, Image, Intensity, Source, open_source
from pellucid.images.naming import beside
from pellucid.inference import DenoisedPlane, Statistics, denoise_plane
from pellucid.jobs import Cleaner, Cluster, Opener, Request, Wishes, Written, denoise_source, denoising_bar, foresee
from pellucid.jobs.noisy import is_missing, to_unit
from pellucid.methods import Denoiser, build_denoiser
from pellucid.recipe import LearningRecipe, Recipe
from pellucid.report import terminal
from pellucid.runs.folder import Run

Array = NDArray[Any]


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
        self.memory = free_memory(self.device.torch) // 2 if memory is None else memory
        self.denoiser = denoiser.to(self.device.torch, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.trained: Statistics | None = None
        """The moments that the norms saw in training, if they were noted."""
        self.removed: RemovedNoise | None = None
        """What was removed from the last array that was denoised: brightness and contrast before and after, noise."""
        self._wish = device
        self._run: tuple[Path, str | None] | None = None
        self._part: str | None = None

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
        model.trained = run.statistics(weights)
        model._run = run.folder.absolute(), weights
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
        return cls(recipe, build_denoiser(recipe), measured, dtype, device=device, memory=memory)

    def with_intensity(self, low: float, high: float) -> Model:
        """The same model for images of any pixel type in which `low` is as dark as black was in training, `high` white.

        Raises:
            InputError: not two finite numbers, the lower first.
        """
        other = copy.copy(self)
        other.intensity, other.dtype = Intensity.given(low, high), None
        return other

    def only(self, part: str) -> Model:
        """The same model with one of its estimates for the result, computed without the others: faster, and less exact.

        Args:
            part: for ISCL "F" or "x-H".

        Raises:
            InputError: the method has no such estimate.
        """
        other = copy.copy(self)
        other.denoiser, other._part = self.denoiser.only(part), part
        if self.trained is not None:
            left = set(other.denoiser.networks())
            measured = zip(self.denoiser.networks(), self.trained, strict=True)
            other.trained = [moments for network, moments in measured if network in left]
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
        """Each plane of an image as it is, and denoised in [−1, 1] with statistics of its own."""
        for plane in image.planes:
            pixels = plane.read()
            try:
                yield pixels, denoise_plane(self.denoiser, to_unit(self.intensity, pixels), self.memory)
            except InputError as problem:
                raise InputError(f"{plane.name}: {problem}") from None

    @property
    def cleaner(self) -> Cleaner:
        """The model as a job takes it."""
        return Cleaner(self.denoiser, self.intensity, self._digest(), self.memory, self.trained)

    def opener(self) -> Opener:
        """How another process comes by this model's cleaner: from the run's folder, or from the recipe.

        Raises:
            InputError: it comes from neither.
        """
        if self._run is not None:
            return partial(_from_run, *self._run, self._part, self.intensity, self._wish)
        if isinstance(self.recipe, LearningRecipe):
            raise InputError("a cluster opens the model from its run: use Model.load")
        return partial(_from_recipe, self.recipe, self.intensity, self._wish)

    def denoise_files(
        self, spec: Any, output: str | Path, wishes: Wishes | None = None, *, cluster: str | None = None, **asked: Any
    ) -> list[Written]:
        """Denoise every image of a source into files of the same format, dtype, axes and pixel size.

        Images may be larger than memory. Stopped, and called again with the same arguments, it goes on.

        Args:
            spec: file, folder, glob or list.
            output: a file for one image, else a folder.
            wishes: what else is asked for.
            cluster: "local:N", so many processes, or "tcp://host:port", a Dask scheduler whose workers do it.
            asked: the same wishes one by one, such as `overwrite=True`.

        Raises:
            InputError: images or a cluster that cannot be used, or outputs that exist.
            RunError: the disk is full, the cluster is lost, or some blocks could not be done.
        """
        request = self._request(spec, output, wishes or Wishes(**asked))
        return denoise_source(request, Cluster(cluster, self.opener()) if cluster is not None else None)

    def foresee(self, spec: Any, output: str | Path, wishes: Wishes) -> None:
        """Print what `denoise_files` would do, and do nothing.

        Raises:
            InputError: as there.
        """
        foresee(self._request(spec, output, wishes))

    def _request(self, spec: Any, output: str | Path, wishes: Wishes) -> Request:
        source = open_source(spec)
        self._refuse_other_types(source)
        return Request(source, spec, Path(output), self.cleaner, wishes)

    def _denoise_array(self, array: Array) -> Array:
        source = open_source(array)
        self._refuse_other_types(source)
        (image,) = source.images
        convert = Conversion(array.dtype)
        planes, removed = [], RemovedNoise()
        with holding(), denoising_bar(self.denoiser, len(image.planes), array.size) as advance:
            for pixels, done in self.planes(image):
                denoised = convert(self.intensity.from_unit(done.image))
                kept = is_missing(pixels) | (pixels.min() == pixels.max())
                planes.append(np.where(kept, pixels, denoised))
                removed += removed_noise(pixels, denoised, ~kept)
                advance(1)
        self.removed = removed
        for warning in removed.warnings():
            terminal.warn(warning)
        return np.stack(planes).reshape(array.shape)

    def _digest(self) -> str:
        """Tells this model from any other: recipe, intensity range, weights."""
        digest = hashlib.sha256(self.recipe.to_toml().encode())
        digest.update(f"{self.intensity.low!r} {self.intensity.high!r}".encode())
        for name, value in sorted(self.denoiser.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def _refuse_other_types(self, source: Source) -> None:
        for image in source.images:
            if self.dtype is None or image.dtype == self.dtype or image.dtype.kind == self.dtype.kind == "f":
                continue
            raise InputError(
                f"{image.path}: holds {image.dtype.name} pixels, but the model was trained on {self.dtype.name}: "
                "convert them, or say what black and white are by --range LOW HIGH (in Python: intensity=(LOW, HIGH))"
            )


def _from_run(folder: Path, weights: str | None, part: str | None, intensity: Intensity, device: str) -> Cleaner:
    model = Model.load(folder, weights=weights, device=device)
    model = model.only(part) if part is not None else model
    return model.with_intensity(intensity.low, intensity.high).cleaner


def _from_recipe(recipe: Recipe, intensity: Intensity, device: str) -> Cleaner:
    return Model(recipe, build_denoiser(recipe), intensity, device=device).cleaner
