from __future__ import annotations

from nicegui import ui

from pellucid.app.choice import PathChoice, recipe_choice
from pellucid.app.recipe_words import Words
from pellucid.io.writing import write_array

from .without_browser import on_a_page, press, texts


def test_a_path_is_typed_or_picked_and_told(workplace, tmp_path, image):
    told = []
    images = tmp_path / "images"
    (images / "inner").mkdir()
    (images / "notes.txt").touch()
    write_array(images / "inner" / "a.tif", image)

    async def act(user, field):
        user.find(ui.input).type(" /typed/somewhere.tif ").trigger("keydown.enter")
        assert told == ["/typed/somewhere.tif"]
        field.set(str(images))
        user.find("folder_open").click()
        await user.should_see("inner")
        assert "notes.txt" not in texts(user)
        press(user, "inner")
        await user.should_see("a.tif")
        press(user, "a.tif")
        await user.should_see(str(images / "inner" / "a.tif")[-16:])
        assert told[1:] == [str(images / "inner" / "a.tif")]
        assert field.value == told[-1]

    on_a_page(lambda: PathChoice(workplace.roots, "Images", told.append), act)


def test_the_middle_of_a_long_path_may_be_left_out_and_its_end_may_not(workplace):
    path = "/data/a/very/long/way/to/the/image-0001.tif"

    async def act(user, field):
        field.set(path)
        head, tail = (text for text in texts(user) if text and text in path)
        assert head + tail == path
        assert tail.endswith("image-0001.tif")
        (typed,) = user.find(ui.input).elements
        assert typed.props["title"] == path  # on hover

    on_a_page(lambda: PathChoice(workplace.roots, "Images", lambda _: None), act)


def test_a_recipe_is_chosen_by_its_words():
    recipes = {"nlm": Words("Non-local means", "Averages."), "tv": Words("Total variation", "Flattens.")}

    async def act(user, chosen):
        assert chosen.value == "nlm"
        assert [option["label"] for option in chosen.props["options"]] == [
            "Non-local means\nAverages.",
            "Total variation\nFlattens.",
        ]

    on_a_page(lambda: recipe_choice(recipes, "Method", "nlm"), act)
