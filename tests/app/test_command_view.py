from __future__ import annotations

from pellucid.app.command_view import CommandView
from pellucid.app.equivalent import DenoiseCommand
from pellucid.errors import InputError

from .without_browser import on_a_page, texts


def test_it_follows_the_form_and_says_what_is_missing():
    form = {"output": ""}

    def command():
        if not form["output"]:
            raise InputError("say where the result goes")
        return DenoiseCommand("/data/a b.tif", form["output"], recipe="median")

    async def act(user, view):
        assert texts(user).count("# say where the result goes") == 2
        form["output"] = "/out/a.tif"
        view.refresh()
        assert "pellucid denoise '/data/a b.tif' /out/a.tif --recipe median" in texts(user)
        assert any(text.startswith("import pellucid\n\npellucid.denoise(") for text in texts(user))

    on_a_page(lambda: CommandView(command), act)
