from __future__ import annotations

import pytest
import torch

from pellucid.methods.replay_pool import ReplayPool


def images(*values):
    return torch.tensor(values, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 2, 2).clone()


def values(batch):
    return batch[:, 0, 0, 0].tolist()


def test_while_there_is_room_images_are_kept_and_given_back():
    pool = ReplayPool(3, 2)
    assert values(pool(images(1, 2))) == [1, 2]
    assert int(pool.filled) == 2
    assert values(pool.images[:2]) == [1, 2]


def test_a_full_pool_gives_back_half_of_the_images_and_trades_the_others():
    torch.manual_seed(0)
    pool = ReplayPool(50, 2)
    pool(images(*range(50)))
    fresh, before = list(range(100, 1100)), set(range(50))
    given = values(pool(images(*fresh)))
    back = sum(old == new for old, new in zip(given, fresh, strict=True))
    assert 430 < back < 570
    kept = set(values(pool.images))
    assert kept | set(given) == before | set(fresh)  # nothing is lost
    assert len(kept) == 50
    assert not kept & set(given)  # nothing is in two places
    assert len(given) == len(set(given))


def test_every_place_is_traded():
    torch.manual_seed(0)
    pool = ReplayPool(4, 2)
    pool(images(0, 1, 2, 3))
    pool(images(*range(10, 90)))
    assert min(values(pool.images)) >= 10


def test_it_trades_the_same_again_from_a_saved_state():
    torch.manual_seed(3)
    first, second = ReplayPool(4, 2), ReplayPool(4, 2)
    first(images(*range(9)))
    second.load_state_dict(first.state_dict())
    given = []
    for pool in (first, second):
        torch.manual_seed(5)
        given.append([values(pool(images(*range(20, 30)))), values(pool.images), int(pool.filled)])
    assert given[0] == given[1]


def test_a_pool_without_room_gives_back_what_it_gets():
    fresh = images(1, 2)
    assert ReplayPool(0, 2)(fresh) is fresh


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_it_gives_does_not_change_with_the_pool(dtype):
    torch.manual_seed(0)
    pool = ReplayPool(1, 2).to(dtype)
    pool(images(7).to(dtype))
    given = [pool(images(value).to(dtype)) for value in range(20)]
    at_once = [values(batch) for batch in given]
    pool.images.fill_(-1)
    assert [values(batch) for batch in given] == at_once
    assert given[0].dtype == dtype
    assert not given[0].requires_grad
