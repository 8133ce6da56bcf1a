"""`pellucid models`."""

from __future__ import annotations

from pellucid.report import terminal


def models() -> None:
    """List the models that come with Pellucid, which need no training: what they are for, and their digest."""
    from pellucid.box import DEFAULT, boxed_models  # here: help needs no torch
    from pellucid.methods.digest import short
    from pellucid.runs.model_zip import open_model_store

    rows = []
    for name, path in boxed_models().items():
        stored = open_model_store(path).read()
        default = " (used if no model is named)" if name == DEFAULT else ""
        rows.append((name + default, short(stored.digest), stored.origin.licence, stored.origin.description))
    terminal.table("models in the box", ["name", "digest", "licence", "what it is"], rows, terminal.results(), text=4)
    terminal.say("pellucid denoise INPUT OUTPUT --model NAME; pellucid inspect NAME shows all of it")
