"""The page Look: two or three images of one place compared, and what a run has left to look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import combinations
from pathlib import Path

from nicegui import ui
from nicegui.events import KeyEventArguments

from pellucid.app.choice import PathChoice
from pellucid.app.frame import clear
from pellucid.app.image_view import Contrast, Planes
from pellucid.app.open_images import Opened
from pellucid.app.pages.look_models import build_models
from pellucid.app.parts import heading, remark
from pellucid.app.session import Session
from pellucid.app.tiles import Window, difference_window, limits
from pellucid.app.viewer import Layer, Viewer
from pellucid.errors import InputError

SLOTS = ("Noisy image", "Result A", "Result B")
SHORT = ("noisy", "A", "B")
MODES = {
    "slider": "Slider",
    "side": "Side by side",
    "flip": "Flip",
    "difference": "Difference",
}
GROUP = "look"


async def build(session: Session) -> None:
    """Build the page: the images at the left with what models have left, the comparison at the right."""
    page = _LookPage(session)
    with ui.element("div").classes("p-columns p-look"):
        with ui.element("div").classes("p-stack"):
            with ui.element("section").classes("p-side").props('aria-label="Images to compare"'):
                page.build_choices()
            build_models(session)
        with ui.element("section").classes("p-main").props('aria-label="Comparison"'):
            page.build_views()
    await page.refresh()


class _LookPage:
    def __init__(self, session: Session) -> None:
        self._session = session
        if session.image and not session.compared[0]:
            session.compared[0] = session.image
        self._opened: dict[int, Opened] = {}
        self._differences: dict[tuple[int, int], Window] = {}
        self._mode = "slider"
        self._pair = (0, 1)
        self._at_second = False
        self._views: list[tuple[Viewer, Sequence[tuple[int, ...]]]] = []

    def build_choices(self) -> None:
        heading("Images to compare")
        roots = self._session.workplace.roots
        for slot, label in enumerate(SLOTS):
            chosen = self._session.compared[slot] or ""
            PathChoice(roots, label, self._choose(slot), ("image",), "", chosen)
        remark("All must show the same place: a noisy image and one or two results of it.")

    def build_views(self) -> None:
        with ui.element("div").classes("p-row"):
            self._modes = ui.toggle(MODES, value=self._mode, on_change=lambda event: self._set_mode(event.value))
            self._modes.props('no-caps unelevated aria-label="How to compare"')
            self._pairs = ui.select({}, label="Pair", on_change=lambda event: self._set_pair(event.value))
            self._pairs.props("outlined dense options-dense").classes("p-pair")
            self._flip = ui.button("Flip (F)", on_click=self.flip).props("outline no-caps")
            self._told = ui.label().classes("p-remark").props('role="status"')
        self._place = ui.element("div").classes("p-views")
        self._planes = Planes(self._turn)
        self._contrast = Contrast(self._show)
        ui.keyboard(self._key, ignore=["input", "select", "textarea"])

    def _choose(self, slot: int) -> Callable[[str], Awaitable[None]]:
        async def changed(text: str) -> None:
            if text == (self._session.compared[slot] or ""):
                return
            self._session.compared[slot] = self._session.workplace.roots.image(text) if text else None
            await self.refresh()

        return changed

    async def refresh(self) -> None:
        """Open what is chosen, and show it.

        Raises:
            InputError: an image cannot be read, or the images differ in size.
        """
        place = self._session.workplace
        chosen = {slot: spec for slot, spec in enumerate(self._session.compared) if spec}
        opened = {slot: await place.read(place.images.open, spec) for slot, spec in chosen.items()}
        _refuse_other_sizes(list(opened.values()))
        clear()
        self._opened, self._differences = opened, {}
        if not opened:
            self._rebuild()
            return
        first = opened[min(opened)]
        plane = min(self._session.plane, len(first.image.planes) - 1)
        self._session.plane = plane
        shown, ends = await place.read(limits, place.images, first, plane)
        for one, other in combinations(opened, 2):
            specs = [opened[one].spec, opened[other].spec]
            self._differences[one, other] = await place.read(difference_window, place.images, specs, plane)
        pairs = {f"{one}{other}": f"{SHORT[one]} and {SHORT[other]}" for one, other in combinations(opened, 2)}
        if self._pair not in self._differences:
            self._pair = next(iter(self._differences), (0, 1))
        self._pairs.set_options(pairs, value=f"{self._pair[0]}{self._pair[1]}" if pairs else None)
        self._planes.start(first, plane)
        self._rebuild()
        self._contrast.start(shown, ends, whole=first.image.dtype.kind in "iu")

    def flip(self) -> None:
        """Show the other image of the pair in the same place."""
        self._at_second = not self._at_second
        self._show()

    def _key(self, event: KeyEventArguments) -> None:
        if event.action.keydown and not event.action.repeat and event.key == "f" and self._mode == "flip":
            self.flip()

    def _set_mode(self, mode: str) -> None:
        self._mode = mode
        self._rebuild()
        self._show()

    def _set_pair(self, text: str | None) -> None:
        if text:
            self._pair = (int(text[0]), int(text[1]))
            self._rebuild()
            self._show()

    def _turn(self, plane: int) -> None:
        self._session.plane = plane
        self._show()

    def _rebuild(self) -> None:
        """The viewers of the mode: each with the images that it shows, one or two; two images subtracted are a pair."""
        self._place.clear()
        self._views = []
        several = len(self._opened) > 1
        self._pairs.set_visibility(len(self._opened) > 2 and self._mode != "side")
        self._flip.set_visibility(several and self._mode == "flip")
        with self._place:
            if not self._opened:
                remark("Choose the noisy image and a result.")
            elif not several or self._mode == "side":
                for slot in self._opened:
                    self._add(SLOTS[slot], [(slot,)])
            elif self._mode == "difference":
                self._add(f"{SHORT[self._pair[0]]} − {SHORT[self._pair[1]]}", [self._pair])
                self._add(SLOTS[self._pair[1]], [(self._pair[1],)])
            else:
                self._add("Pair", [(slot,) for slot in self._pair])
        self._place.classes(remove="p-views-1 p-views-2 p-views-3", add=f"p-views-{max(1, len(self._views))}")

    def _add(self, title: str, contents: Sequence[tuple[int, ...]]) -> None:
        with ui.element("figure").classes("p-figure"):
            if title != "Pair":
                with ui.element("figcaption"):
                    ui.label(title).classes("p-figure-title")
            self._views.append((Viewer(title, GROUP), contents))

    def _show(self) -> None:
        for viewer, contents in self._views:
            viewer.show([self._layer(slots) for slots in contents], self._session.plane)
            if len(contents) == 2 and self._mode == "flip":
                viewer.split(0.0 if self._at_second else 1.0, border=False)
            elif len(contents) == 2:
                viewer.split(0.5)
        self._told.text = self._said()

    def _layer(self, slots: tuple[int, ...]) -> Layer:
        first = self._opened[slots[0]]
        if len(slots) == 1:
            return Layer(first, self._contrast.window)
        return Layer(first, self._differences[slots[0], slots[1]], self._opened[slots[1]])

    def _said(self) -> str:
        one, other = self._pair
        if len(self._opened) < 2 or self._mode == "side":
            return ""
        if self._mode == "flip":
            return f"in view: {SLOTS[other if self._at_second else one]}"
        if self._mode == "slider":
            return f"left of the border: {SHORT[one]}; right of it: {SHORT[other]}"
        reach = self._differences[self._pair].white
        what = "what was removed" if one == 0 else "difference"
        return f"{what}: middle grey is 0, white is +{reach:.3g}, black is −{reach:.3g}. No outlines should be in it."


def _refuse_other_sizes(opened: Sequence[Opened]) -> None:
    for other in opened[1:]:
        if other.image.plane_shape != opened[0].image.plane_shape:
            sizes = [" × ".join(map(str, reversed(each.image.plane_shape))) for each in (opened[0], other)]
            raise InputError(
                f"{Path(other.spec).name}: has {sizes[1]} pixels, but {Path(opened[0].spec).name} has {sizes[0]}; "
                "choose images of one place"
            )
