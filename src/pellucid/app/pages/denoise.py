"""The page Denoise: a file, a folder or a volume, with a model or a filter, as a task that may be stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from nicegui import ui

from pellucid.app.choice import PathChoice, recipe_choice, text_field
from pellucid.app.command_view import CommandView
from pellucid.app.denoise_targets import checked_model, existing, first_image, pairs_of, proposed_output
from pellucid.app.equivalent import DenoiseCommand, TrustCommand
from pellucid.app.frame import clear
from pellucid.app.part_preview import PartPreview
from pellucid.app.parts import heading, remark
from pellucid.app.recipe_choice import untrained_recipes
from pellucid.app.recipe_words import Words
from pellucid.app.session import Session
from pellucid.app.task import State
from pellucid.app.task_folder import TaskFolder
from pellucid.app.task_panel import TaskPanel
from pellucid.app.task_view import Snapshot
from pellucid.box import boxed_models
from pellucid.errors import InputError
from pellucid.io.registry import split

NOTHING = "Nothing was denoised yet. Choose images and a model, then start."
MODEL, FILTER = "A trained model", "A method without training"


async def build(session: Session) -> None:
    """Build the page: the form at the left, a preview and the tasks at the right."""
    filters = await session.workplace.read(untrained_recipes)
    with ui.element("div").classes("p-columns"):
        with ui.element("section").classes("p-side").props('aria-label="New denoising"'):
            form = DenoiseForm(session, filters)
        with ui.element("div").classes("p-stack"):
            with ui.element("section").classes("p-main").props('aria-label="Preview"'):
                preview = PartPreview(session)
            with ui.element("section").classes("p-main").props('aria-label="Denoisings"'):
                heading("Denoisings")
                panel = TaskPanel(
                    session, ["denoise", "trust"], lambda seen: _next_steps(session, panel, seen), NOTHING
                )
    form.follow(panel, preview)
    await panel.begin()
    await form.look()


def _next_steps(session: Session, panel: TaskPanel, seen: Snapshot) -> None:
    """Buttons for what was denoised: look at it, overwrite what was in its way, open the page on trust."""
    if seen.kind == "trust" and seen.state == State.DONE:
        address = f"/page?path={quote(seen.result)}"
        button = ui.button("Open the page", icon="open_in_new", on_click=lambda: ui.navigate.to(address, new_tab=True))
        button.props("unelevated no-caps dense")
    elif seen.state == State.DONE:
        button = ui.button("Look at it", icon="compare", on_click=lambda: _look_at(session, panel, seen))
        button.props("unelevated no-caps dense")
    elif seen.state == State.FAILED and "exists already" in seen.error:
        button = ui.button("Overwrite it", icon="published_with_changes", on_click=lambda: _overwrite(panel, seen))
        button.props("outline no-caps dense color=none")


async def _look_at(session: Session, panel: TaskPanel, seen: Snapshot) -> None:
    """Compare the first image with its result on the page Look."""
    task = panel.tasks.get(seen.name)
    if task is None:
        return
    pairs = await session.workplace.read(pairs_of, task.spec.inputs["noisy"], seen.result)
    session.compared[:2] = list(pairs[0])
    ui.navigate.to("/look")


async def _overwrite(panel: TaskPanel, seen: Snapshot) -> None:
    task = panel.tasks.get(seen.name)
    if task is not None:
        clear()
        panel.tasks.resume(task, (*task.spec.arguments, "--overwrite"))
        await panel.refresh()


class DenoiseForm:
    """What a denoising needs.

    Args:
        session: of the tab.
        filters: what methods without training are called and for, by name.
    """

    def __init__(self, session: Session, filters: Mapping[str, Words]) -> None:
        self._session = session
        self._panel: TaskPanel
        self._preview: PartPreview
        self._proposed_for = ""
        roots = session.workplace.roots
        heading("New denoising")
        images = session.image or session.noisy or ""
        self._images = PathChoice(roots, "Noisy images: file, folder or volume", self._changed, value=images)
        self._method = ui.radio([MODEL, FILTER], value=MODEL, on_change=self._method_chosen).props("dense")
        self._model = ui.select(self._models(), value=None, label="Model").props("outlined dense")
        self._other = PathChoice(roots, "Another model: run or zip", self._refresh, kinds=("model",), choose_folder="")
        self._filter = recipe_choice(filters, "Method", "gaussian")
        self._output = PathChoice(roots, "Where the result goes", self._refresh)
        with ui.expansion("More", icon="tune").classes("p-command"):
            self._noise = ui.checkbox("Also write what was removed", on_change=self._refresh)
            self._settings = text_field("Settings of the method, as in: key=value", "")
        self._view = CommandView(lambda: self.command)
        for field in (self._model, self._filter, self._settings):
            field.on_value_change(self._refresh)
        self._model.value = session.model if session.model in self._model.options else next(iter(self._model.options))
        with ui.element("div").classes("p-buttons"):
            ui.button("Preview", icon="visibility", on_click=self._try).props("outline no-caps color=none")
            ui.button("Denoise", icon="auto_fix_high", on_click=self.start).props("unelevated no-caps")
        ui.button("How far can it be trusted?", icon="fact_check", on_click=self._trust).props("flat no-caps dense")
        remark("It continues if you close this page or stop the app. Your images stay as they are.")
        self._method_chosen()

    @property
    def command(self) -> DenoiseCommand:
        """What the form says.

        Raises:
            InputError: something is missing, or lies outside of the folders.
        """
        output, roots = self._output.value, self._session.workplace.roots
        if not output:
            raise InputError("say where the result goes")
        model, recipe = self.method
        return DenoiseCommand(
            images=self._checked_images(),
            output=str(roots.path(output)),
            model=model,
            recipe=recipe,
            settings=str(self._settings.value or ""),
            options=("--noise",) if self._noise.value else (),
        )

    @property
    def method(self) -> tuple[str, str]:
        """The model and the recipe, one of them empty.

        Raises:
            InputError: there is no such model.
        """
        if self._method.value == FILTER:
            return "", self._filter.value
        return checked_model(self._session.workplace.roots, self._other.value or str(self._model.value or "")), ""

    def follow(self, panel: TaskPanel, preview: PartPreview) -> None:
        """Show what is started in a panel, and parts in a preview."""
        self._panel, self._preview = panel, preview

    async def start(self) -> None:
        """Denoise, after asking whether files that exist shall be replaced."""
        clear()
        command = self.command
        place = self._session.workplace
        found = existing(await place.read(pairs_of, command.images, command.output))
        if found:
            self._ask(command, found)
        else:
            await self._begin(command)

    def _ask(self, command: DenoiseCommand, found: list[str]) -> None:
        overwriting = DenoiseCommand(**{**command.__dict__, "options": (*command.options, "--overwrite")})

        async def begin() -> None:
            dialog.close()
            await self._begin(overwriting)

        with ui.dialog() as dialog, ui.card().classes("p-dialog"):
            heading("Replace what exists already?")
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            ui.label(f"{found[0]}{more}")
            with ui.element("div").classes("p-buttons"):
                ui.button("Replace", on_click=begin).props("unelevated no-caps")
                ui.button("Cancel", on_click=dialog.close).props("flat no-caps color=none")
        dialog.on("hide", dialog.delete)
        dialog.open()

    async def _begin(self, command: DenoiseCommand) -> None:
        task = await self._session.workplace.read(self._panel.tasks.start, command.task)
        await self._panel.choose(task.name)

    async def _trust(self) -> None:
        """Measure the model on these images, as a task that writes a page."""
        clear()
        images = self._checked_images()
        model, recipe = self.method
        folder = self._session.workplace.folder / "trust"
        plain = Path(split(images)[0]).stem
        names = (folder / f"{plain}-{number}.html" for number in range(1, 10_000))
        page = str(next(name for name in names if not name.exists()))
        command = TrustCommand(images, page, model, recipe, str(self._settings.value or ""))
        begun = await self._session.workplace.read(self._panel.tasks.start, command.task)
        await self._panel.choose(begun.name)

    async def _try(self) -> None:
        clear()
        await self._preview.show(*self.method)

    async def look(self) -> None:
        """Show the images, and propose where their results go."""
        images = self._images.value
        if images and images != self._proposed_for:
            self._proposed_for = images
            place = self._session.workplace
            folder = place.folder / "denoised"
            self._output.set(str(await place.read(proposed_output, place.roots, images, folder)))
            await self._preview.open(await place.read(first_image, place.roots, images))
        self._refresh()

    async def _changed(self, _: str) -> None:
        clear()
        await self.look()

    def _refresh(self, _: object = None) -> None:
        self._view.refresh()

    def _method_chosen(self) -> None:
        trained = self._method.value == MODEL
        self._model.set_visibility(trained)
        self._other.show(trained)
        self._filter.set_visibility(not trained)
        self._settings.set_visibility(not trained)
        self._view.refresh()

    def _checked_images(self) -> str:
        if not self._images.value:
            raise InputError("choose noisy images: a file, a folder or a volume")
        return self._session.workplace.roots.image(self._images.value)

    def _models(self) -> dict[str, str]:
        """Models to choose from: those in the box, and those of trainings; the session's own too."""
        trainings = TaskFolder(self._session.workplace.folder).all("train")
        runs = [task.spec.result for task in trainings if (Path(task.spec.result) / "weights").is_dir()]
        chosen = self._session.model
        own = [chosen] if chosen not in boxed_models() else []
        boxed = {name: f"{name}, which comes with Pellucid" for name in boxed_models()}
        return {**{run: Path(run).name for run in dict.fromkeys([*own, *runs])}, **boxed}
