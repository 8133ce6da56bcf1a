"""`pellucid models`."""

from __future__ import annotations

from pellucid.cli.json_output import show_json
from pellucid.report import terminal


def models(*, json: bool = False) -> None:
    """List the models that come with Pellucid, which need no training: what they are for, and their digest.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    from pellucid.box import DEFAULT, boxed_models  # here: help needs no torch
    from pellucid.methods.digest import short
    from pellucid.runs.model_zip import open_model_store

    stored = {name: open_model_store(path).read() for name, path in boxed_models().items()}
    if json:
        known = [
            {
                "name": name,
                "default": name == DEFAULT,
                "digest": of.digest,
                "licence": of.origin.licence,
                "description": of.origin.description,
            }
            for name, of in stored.items()
        ]
        show_json({"models": known})
        return
    rows = [
        (
            name + (" (used if no model is named)" if name == DEFAULT else ""),
            short(of.digest),
            of.origin.licence,
            of.origin.description,
        )
        for name, of in stored.items()
    ]
    terminal.table("models in the box", ["name", "digest", "licence", "what it is"], rows, terminal.results(), text=4)
    terminal.say("pellucid denoise INPUT OUTPUT --model NAME; pellucid inspect NAME shows all of it")
