from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from pellucid.methods import METHODS, build, make_recipe
from pellucid.seeding import Initialisation, dropout, generator, seeded

CPU = torch.device("cpu")


def drawn_globally(draw):
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return draw()


def test_numbers_are_those_of_the_global_generator_with_this_seed():
    x = torch.ones(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    host = torch.get_rng_state()
    with seeded(7):
        ours = [
            torch.rand(5, generator=generator(CPU)),
            dropout(x, 0.3),
            torch.randint(9, (4,), generator=generator(CPU)),
        ]
    assert torch.equal(torch.get_rng_state(), host)
    theirs = drawn_globally(lambda: [torch.rand(5), functional.dropout(x, 0.3), torch.randint(9, (4,))])
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)


def test_outside_of_a_block_numbers_come_from_torchs_global_generator():
    assert generator(CPU) is None
    with seeded(1):
        with seeded(2):
            inner = torch.rand(3, generator=generator(CPU))
        outer = torch.rand(3, generator=generator(CPU))
    assert not torch.equal(inner, outer)
    assert generator(CPU) is None


@pytest.mark.parametrize(
    "layer",
    [
        partial(nn.Conv2d, 2, 3, 3),
        partial(nn.Linear, 4, 5),
        partial(nn.ConvTranspose2d, 2, 3, 3),
        lambda: nn.init.orthogonal_(torch.empty(4, 4)),
        lambda: nn.init.trunc_normal_(torch.empty(4, 4)),
        lambda: nn.init.kaiming_normal_(torch.empty(4, 4)),
        lambda: nn.init.xavier_uniform_(torch.empty(4, 4)),
    ],
)
def test_initial_weights_are_those_of_the_global_generator_with_this_seed(layer):
    def weights():
        made = layer()
        return torch.cat([p.flatten() for p in ([made] if isinstance(made, torch.Tensor) else made.parameters())])

    with seeded(7), Initialisation():
        ours = weights()
    assert torch.equal(ours, drawn_globally(weights))


@pytest.mark.parametrize("name", METHODS)
def test_building_a_method_draws_nothing_from_the_host(name):
    host = torch.get_rng_state()
    recipe = make_recipe("proposed" if name == "iscl" else name)
    small = {key: value for key, value in {"width": 12, "blocks": 1}.items() if key in type(recipe).model_fields}
    built = build(recipe.with_settings(small)).state_dict()
    assert torch.equal(torch.get_rng_state(), host)
    torch.rand(1)
    again = build(recipe.with_settings(small)).state_dict()
    assert all(torch.equal(again[key], value) for key, value in built.items())
