"""The page Train: choose images, look at what is wrong with them, start a training, and follow it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from nicegui import ui

from pellucid.app.choice import PathChoice, recipe_choice, text_field
from pellucid.app.command_view import CommandView
from pellucid.app.equivalent import TrainCommand
from pellucid.app.frame import clear, tell
from pellucid.app.image_check import ImageCheck, check_images
from pellucid.app.numbers import parse_number
from pellucid.app.parts import facts, heading, remark
from pellucid.app.recipe_choice import Choice, trained_recipes
from pellucid.app.session import Session
from pellucid.app.task import State
from pellucid.app.task_panel import TaskPanel
from pellucid.app.task_view import Snapshot
from pellucid.errors import InputError, PellucidError

MINUTES = "10"
SECOND = {"clean": "Clean images, of other places", "pairs": "The truth, or a second copy, of each noisy image"}
"""The label of the second field, by what a recipe needs."""
MISSING = {
    "clean": "choose clean images: of other places, with similar structures and the same magnification",
    "pairs": "choose the partners of the noisy images: their truth, or a second copy of each",
}
KINDS = {"noisy": "Noisy", "clean": "Clean", "pairs": "Truth"}
NOTHING = "No training yet. Choose noisy and clean images, then start."


async def build(session: Session) -> None:
    """Build the page: the form at the left, the trainings at the right."""
    recipes = await session.workplace.read(trained_recipes)
    with ui.element("div").classes("p-columns"):
        with ui.element("section").classes("p-side").props('aria-label="New training"'):
            form = TrainForm(session, recipes)
        with ui.element("section").classes("p-main").props('aria-label="Trainings"'):
            heading("Trainings")
            panel = TaskPanel(session, ["train"], lambda seen: _next_steps(session, panel, seen), NOTHING)
    form.follow(panel)
    await panel.begin()
    await form.look()


def _next_steps(session: Session, panel: TaskPanel, seen: Snapshot) -> None:
    """Buttons for a training that has a model: use it, or train for longer."""
    if seen.state.active or not (Path(seen.result) / "weights").is_dir():
        return

    def use() -> None:
        session.model = seen.result
        ui.navigate.to("/denoise")

    ui.button("Denoise with it", icon="auto_fix_high", on_click=use).props("unelevated no-caps dense")
    if seen.state == State.DONE:
        more = ui.button("Train for longer", icon="more_time", on_click=lambda: _ask_minutes(session, panel, seen))
        more.props("outline no-caps dense color=none")


def _ask_minutes(session: Session, panel: TaskPanel, seen: Snapshot) -> None:
    """Ask how long the whole training shall be, and let it go on."""

    async def resume() -> None:
        number = parse_number(minutes.value, "minutes")
        task = panel.tasks.get(seen.name)
        if number is None or task is None:
            raise InputError("say how many minutes the whole training shall take, those before included")
        dialog.close()
        arguments = ("resume", seen.result, "--minutes", f"{number:g}")
        await session.workplace.read(panel.tasks.resume, task, arguments)
        await panel.refresh()

    with ui.dialog() as dialog, ui.card().classes("p-dialog"):
        heading("Train for longer")
        minutes = text_field("Minutes in all, those before included", str(2 * int(MINUTES)))
        with ui.element("div").classes("p-buttons"):
            ui.button("Resume", on_click=resume).props("unelevated no-caps")
            ui.button("Cancel", on_click=dialog.close).props("flat no-caps color=none")
    dialog.on("hide", dialog.delete)
    dialog.open()


class TrainForm:
    """What a new training needs.

    Args:
        session: of the tab.
        recipes: to choose from, the default first.
    """

    def __init__(self, session: Session, recipes: Mapping[str, Choice]) -> None:
        self._session, self._recipes = session, recipes
        self._default = next(iter(recipes))
        self._panel: TaskPanel | None = None
        self._looked_at: tuple[tuple[str, str], ...] = ()
        roots = session.workplace.roots
        heading("New training")
        self._noisy = PathChoice(roots, "Noisy images", self._changed, value=session.noisy or "")
        self._second = PathChoice(roots, SECOND["clean"], self._changed, value=session.clean or "")
        remark("Files or folders. The clean ones show other places: similar structures, the same magnification.")
        self._check = ui.element("div").classes("p-check")
        self._minutes = text_field(
            "Minutes", MINUTES, "Measuring the noise counts; the assessment at the end comes on top"
        )
        self._name = text_field("Name of the run", "")
        with ui.expansion("More", icon="tune").classes("p-command"):
            words = {name: choice.words for name, choice in recipes.items()}
            self._recipe = recipe_choice(words, "Recipe", self._default)
            self._recipe.on_value_change(self._recipe_chosen)
            self._settings = text_field("Settings, as in: width=24 batch=8", "")
        self._view = CommandView(lambda: self.command)
        for field in (self._minutes, self._name, self._settings):
            field.on_value_change(self._view.refresh)
        start = ui.button("Start the training", icon="play_arrow", on_click=self.start)
        start.props("unelevated no-caps").classes("p-wide")
        remark("It continues if you close this page or stop the app. Come back here to see how it is.")

    @property
    def command(self) -> TrainCommand:
        """What the form says.

        Raises:
            InputError: something is missing, or lies outside of the folders.
        """
        roots, sources = self._session.workplace.roots, self.sources
        if "noisy" not in sources:
            raise InputError("choose noisy images")
        if self._needs and self._needs not in sources:
            raise InputError(MISSING[self._needs])
        checked = {kind: roots.image(spec) for kind, spec in sources.items()}
        settings = str(self._settings.value or "")
        minutes = parse_number(self._minutes.value, "minutes")
        recipe = self._recipe.value if self._recipe.value != self._default else ""
        return TrainCommand(**checked, out=self._out, recipe=recipe, minutes=minutes, settings=settings)

    @property
    def sources(self) -> dict[str, str]:
        """The images that were chosen, by kind."""
        chosen = {"noisy": self._noisy.value, **({self._needs: self._second.value} if self._needs else {})}
        return {kind: path for kind, path in chosen.items() if path}

    def follow(self, panel: TaskPanel) -> None:
        """Show what is started in a panel."""
        self._panel = panel

    async def start(self) -> None:
        """Begin the training."""
        assert self._panel is not None
        clear()
        command = self.command
        if Path(command.out).exists():
            raise InputError(f"{command.out}: exists already; choose another name for the run")
        task = await self._session.workplace.read(self._panel.tasks.start, command.task)
        self._name.value = ""
        self._view.refresh()
        await self._panel.choose(task.name)

    @property
    def _needs(self) -> str:
        return self._recipes[self._recipe.value].second

    @property
    def _out(self) -> str:
        """The folder of the run: as named, else named after the noisy images, with a number."""
        runs = self._session.workplace.folder / "runs"
        typed = str(self._name.value or "").strip()
        if typed:
            return str(self._session.workplace.roots.path(typed if "/" in typed else runs / typed))
        plain = re.sub(r"[^\w.-]+", "-", Path(self._noisy.value).stem).strip("-.") or "run"
        names = (f"{plain}-{number}" for number in range(1, 10_000))
        return str(next(runs / name for name in names if not (runs / name).exists()))

    async def _recipe_chosen(self) -> None:
        self._second.show(bool(self._needs))
        self._second.set(self._second.value, SECOND.get(self._needs, ""))
        await self.look()

    async def _changed(self, _: str) -> None:
        self._session.noisy = self._noisy.value or None
        if self._needs == "clean":
            self._session.clean = self._second.value or None
        await self.look()

    async def look(self) -> None:
        """Look at the images that were chosen, unless they were looked at already."""
        self._view.refresh()
        chosen = tuple(self.sources.items())
        if chosen == self._looked_at:
            return
        self._looked_at = chosen
        self._check.clear()
        if not chosen:
            return
        with self._check:
            ui.spinner(size="22px")
            remark("looking at the images …")
        workplace = self._session.workplace
        try:
            found = await workplace.read(check_images, workplace.roots, dict(chosen))
        except PellucidError as problem:
            self._check.clear()
            tell(problem)
            return
        if chosen == self._looked_at:  # else others were chosen meanwhile
            clear()
            self._show(found)

    def _show(self, found: ImageCheck) -> None:
        self._check.clear()
        with self._check:
            for kind, crops in found.crops.items():
                with ui.element("div").classes("p-crops"):
                    for address in crops:
                        crop = ui.element("img").props(f'alt="{KINDS[kind]} image, a crop of its middle"')
                        crop.props["src"] = address
                with ui.expansion(f"{KINDS[kind]}: {_summary(found.facts[kind])}").classes("p-command"):
                    facts(found.facts[kind])
            if found.swapped:
                ui.button("Swap the two", icon="swap_vert", on_click=self._swap).props(
                    "outline no-caps dense color=none"
                )
            with ui.element("ul").classes("p-warnings"):
                for warning in found.warnings:
                    with ui.element("li"):
                        ui.label(warning)
            if not found.warnings:
                ui.label("Nothing found that would spoil a training.").classes("p-good")

    async def _swap(self) -> None:
        noisy, second = self._noisy.value, self._second.value
        self._noisy.set(second)
        self._second.set(noisy)
        await self._changed("")


def _summary(rows: dict[str, str]) -> str:
    files, megapixels = rows["files"], rows["megapixels"]
    return f"{files} file{'s' * (files != '1')}, {megapixels} megapixels"
