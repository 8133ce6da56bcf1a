from __future__ import annotations

import torch

from pellucid.methods.digest import DIGITS, model_digest, short

SETTINGS = {"name": "student", "width": 4, "learning_rate": 1e-2}


def weights():
    return {"a": torch.arange(24.0).view(1, 4, 2, 3), "b": torch.zeros(2)}


def test_neither_order_nor_layout_in_memory_changes_a_digest():
    known = model_digest(SETTINGS, weights())
    turned = dict(reversed(weights().items()))
    turned["a"] = turned["a"].contiguous(memory_format=torch.channels_last)
    assert model_digest(dict(reversed(SETTINGS.items())), turned) == known
    assert len(known) == 64
    assert short(known) == known[:DIGITS]


def test_whatever_makes_another_model_changes_the_digest():
    others = [
        model_digest({**SETTINGS, "width": 8}, weights()),
        model_digest(SETTINGS, {**weights(), "b": torch.tensor([0.0, 1e-30])}),
        model_digest(SETTINGS, {"a": weights()["a"].view(4, 6), "b": torch.zeros(2)}),
        model_digest(SETTINGS, {"a": weights()["a"], "c": torch.zeros(2)}),
        model_digest(SETTINGS, {"a": weights()["a"]}),
        model_digest(SETTINGS, {"a": weights()["a"], "b": torch.zeros(2, dtype=torch.int32)}),
    ]
    assert len({model_digest(SETTINGS, weights()), *others}) == len(others) + 1
