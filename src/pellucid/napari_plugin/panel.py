"""The panel in napari: which layer, which denoiser, and what to do. The only part of the plugin that needs Qt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit, Label, ProgressBar, PushButton, create_widget
from napari.layers import Image, Layer
from napari.qt.threading import create_worker
from napari.viewer import Viewer

from pellucid.box import boxed_models
from pellucid.cli.recipes import ITSELF, LISTED
from pellucid.errors import PellucidError
from pellucid.napari_plugin.choice import Choice, OpenModel
from pellucid.napari_plugin.denoising import Made, Work
from pellucid.napari_plugin.jobs import Order, denoise_job, in_one_line, preview_job, trust_job
from pellucid.napari_plugin.pixels import is_lazy
from pellucid.napari_plugin.snapshot import Snapshot
from pellucid.napari_plugin.visible import Region, visible_region
from pellucid.napari_plugin.watch import Progress, Watch

OWN = "a model of yours"
BY_ITSELF, BY_LAYER = "as the model or the image says", "the contrast limits of the layer"
NOTHING = Path()
PERMILLE = 1000
FILE_MODE, FOLDER_MODE = FileDialogMode.EXISTING_FILE, FileDialogMode.EXISTING_DIRECTORY


class Panel(Container[Any]):
    """Previews, denoises and assesses one image layer at a time.

    Args:
        napari_viewer: whose layers are offered, and to which new ones are added.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._open_model = OpenModel()
        self._watch: Watch | None = None
        self.layer: Any = create_widget(label="layer", annotation=Image)
        methods = [name for name, listed in LISTED.items() if listed.needs == ITSELF and name != "noisy"]
        self.denoiser = ComboBox(label="denoiser", choices=[*boxed_models(), OWN, *methods])
        self.store = FileEdit(
            label="model",
            mode=FILE_MODE,
            tooltip="A model.zip, or any file in the folder of a run; or type the folder",
        )
        self.limits = ComboBox(label="black and white", choices=[BY_ITSELF, BY_LAYER])
        self.removed = CheckBox(text="also show what is removed")
        self.folder = FileEdit(
            label="results go to",
            mode=FOLDER_MODE,
            tooltip="A folder for results of layers that are not in memory",
        )
        self.preview, self.denoise = PushButton(text="Preview what is visible"), PushButton(text="Denoise the layer")
        self.trust, self.stop = PushButton(text="How far to trust it"), PushButton(text="Stop", enabled=False)
        self.bar = ProgressBar(min=0, max=PERMILLE, visible=False)
        self.said = Label(value="")
        self.extend([self.layer, self.denoiser, self.store, self.limits, self.removed, self.folder])
        self.extend([self.preview, self.denoise, self.trust, self.stop, self.bar, self.said])
        self.said.native.setWordWrap(True)
        self._connect()

    def _connect(self) -> None:
        self.denoiser.changed.connect(self._show_what_is_needed)
        self.layer.changed.connect(self._show_what_is_needed)
        self.preview.changed.connect(lambda: self._start(self._preview))
        self.denoise.changed.connect(lambda: self._start(self._denoise))
        self.trust.changed.connect(lambda: self._start(self._trust))
        self.stop.changed.connect(self._stop)
        self._show_what_is_needed()

    def reset_choices(self, *_: Any) -> None:
        """Offer the image layers that there are now; napari calls it when layers come or go."""
        super().reset_choices()
        self._show_what_is_needed()

    def _show_what_is_needed(self) -> None:
        layer = self.layer.value
        self.store.visible = self.denoiser.value == OWN
        self.folder.visible = layer is not None and not layer.rgb and _is_lazy(layer)

    def _order(self) -> Order:
        layer = self.layer.value
        if layer is None:
            raise PellucidError("there is no image layer: open an image, or File > Open Sample > Pellucid")
        chosen = str(self.denoiser.value)
        limits = tuple(map(float, layer.contrast_limits)) if self.limits.value == BY_LAYER else None
        model = str(self.store.value) if chosen == OWN else chosen
        recipe = chosen if chosen in LISTED else None
        folder = None if self.folder.value in (None, NOTHING) else Path(str(self.folder.value))
        choice = Choice(model, recipe, limits)  # type: ignore[arg-type]
        return Order(_snapshot(layer), choice, bool(self.removed.value), folder)

    def _region(self, order: Order) -> Region:
        return visible_region(order.noisy, self.layer.value, self._viewer.dims)

    def _preview(self, watch: Watch) -> Work:
        order = self._order()
        return preview_job(order, self._region(order), self._open_model, watch)

    def _denoise(self, watch: Watch) -> Work:
        return denoise_job(self._order(), self._open_model, watch)

    def _trust(self, watch: Watch) -> Work:
        order = self._order()
        return trust_job(order, self._region(order), self._open_model, watch)

    def _start(self, work_of: Any) -> None:
        """Begin work in a thread; what is wrong with the order is said at once."""
        if self._watch is not None:
            return
        watch = Watch()
        try:
            work = work_of(watch)
        except PellucidError as problem:
            self._say(str(problem))
            return
        worker: Any = create_worker(in_one_line, work, _start_thread=False)
        watch.show, watch.is_closed = worker.yielded.emit, lambda: worker.abort_requested
        worker.yielded.connect(self._show)
        worker.returned.connect(self._take)
        worker.errored.connect(lambda problem: self._say(f"{type(problem).__name__}: {problem}"))
        worker.finished.connect(self._end)
        self._watch = watch
        self._set_busy(True)
        worker.start()

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._say("stopping after this tile")

    def _show(self, progress: Progress) -> None:
        if self._watch is None:
            return
        self.bar.label = progress.title
        self.bar.max = PERMILLE if progress.total else 0  # a bar without an end moves by itself
        self.bar.value = int(PERMILLE * min(1.0, progress.done / progress.total)) if progress.total else 0

    def _take(self, made: Made) -> None:
        for pixels, attributes, kind in made.layers:
            self._viewer.add_layer(Layer.create(pixels, attributes, kind))
        self._say("\n".join(made.lines) or "done")

    def _end(self) -> None:
        self._watch = None
        self._set_busy(False)

    def _set_busy(self, busy: bool) -> None:
        for button in (self.preview, self.denoise, self.trust):
            button.enabled = not busy
        self.stop.enabled = busy
        self.bar.max, self.bar.value = PERMILLE, 0
        self.bar.visible = busy
        if busy:
            self._say("")

    def _say(self, text: str) -> None:
        self.said.value = text


def _snapshot(layer: Image) -> Snapshot:
    pixels, attributes, _ = layer.as_layer_data_tuple()
    return Snapshot.of(pixels, attributes)


def _is_lazy(layer: Image) -> bool:
    return is_lazy(layer.data[0] if layer.multiscale else layer.data)
