"""Fields of a form: a path that is typed or chosen from a list, and a number as people write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nicegui import ui

from pellucid.app.parts import FolderBrowser, Shortened
from pellucid.app.recipe_words import Words
from pellucid.app.roots import Roots

Changed = Callable[[str], object]
"""Called with what a field holds now; it may be a coroutine."""


_TWO_LINES = """
<q-item v-bind="props.itemProps">
  <q-item-section>
    <q-item-label>{{ props.opt.label.split('\\n')[0] }}</q-item-label>
    <q-item-label caption>{{ props.opt.label.split('\\n')[1] }}</q-item-label>
  </q-item-section>
</q-item>
"""
_FIRST_LINE = "<span>{{ props.opt.label.split('\\n')[0] }}</span>"


class PathChoice:
    """A field for a path, with a button that lists the folders that may be shown.

    Args:
        roots: what may be shown.
        label: of the field.
        changed: called when the path has changed.
        kinds: of entries that may be chosen, such as "image".
        choose_folder: what the button says that takes the folder which is listed; empty for none.
        value: the path at first.
    """

    def __init__(
        self,
        roots: Roots,
        label: str,
        changed: Changed,
        kinds: Sequence[str] = ("image",),
        choose_folder: str = "Take this folder",
        value: str = "",
    ) -> None:
        self._roots, self._label, self._kinds, self._choose_folder = roots, label, kinds, choose_folder
        with ui.element("div").classes("p-field") as self._field:
            with ui.element("div").classes("p-path-field p-grow"):
                self._input = ui.input(label, value=value).props("outlined dense")
                self._shortened = Shortened(value)  # in its place, while nothing is typed
            self._input.on_value_change(self._show_whole)
            self._input.props["title"] = value
            self._input.on("keydown.enter", lambda: changed(self.value))
            self._input.on("blur", lambda: changed(self.value))
            button = ui.button(icon="folder_open", on_click=self._open).props("flat dense color=none")
            button.props(f'aria-label="Choose: {label}"').tooltip("Choose from the folders")
        self._changed = changed
        self._dialog = ui.dialog()

    @property
    def value(self) -> str:
        """What the field holds."""
        return str(self._input.value or "").strip()

    def set(self, path: str, label: str | None = None) -> None:
        """Put a path into the field, and another label above it."""
        self._input.value = path
        if label is not None:
            self._input.props(f'label="{label}"')

    def show(self, shown: bool) -> None:
        """Show the field or hide it."""
        self._field.set_visibility(shown)

    def _show_whole(self) -> None:
        """Show the path where nothing is typed: its end too, and all of it on hover."""
        self._shortened.set(self.value)
        self._input.props["title"] = self.value
        self._input.update()

    def _open(self) -> None:
        start = Path(self.value) if self.value else None
        self._dialog.clear()
        with self._dialog, ui.card().classes("p-dialog"):
            ui.label(self._label).classes("p-heading")
            FolderBrowser(self._roots, self._take, self._kinds, self._choose_folder, start)
            ui.button("Cancel", on_click=self._dialog.close).props("flat no-caps")
        self._dialog.open()

    async def _take(self, path: Path) -> None:
        self._dialog.close()
        self.set(str(path))
        done = self._changed(str(path))
        if hasattr(done, "__await__"):
            await done


def recipe_choice(recipes: Mapping[str, Words], label: str, value: str) -> ui.select:
    """A list of recipes: their titles, and below each what it is for."""
    lines = {name: f"{words.title}\n{words.purpose}" for name, words in recipes.items()}
    chosen = ui.select(lines, label=label, value=value).props("outlined dense")
    chosen.add_slot("option", _TWO_LINES)
    chosen.add_slot("selected-item", _FIRST_LINE)
    return chosen


def text_field(label: str, value: str, hint: str = "") -> ui.input:
    """A field for a few words or a number; numbers are read by `numbers.parse_number`."""
    field = ui.input(label, value=value).props("outlined dense").classes("p-grow")
    if hint:
        field.props(f'hint="{hint}"')
    return field
