from __future__ import annotations

import numpy as np
import pytest

from pellucid.benchmark.folds import dropped, make_folds
from pellucid.errors import InputError


def test_the_published_folds_of_eight_images():
    folds = make_folds("published", 8)
    assert [fold.test for fold in folds] == [(1, 4), (3, 6), (7, 5), (2, 0)]
    assert [(fold.clean, fold.noisy) for fold in folds] == [
        ((0, 2, 3), (5, 6, 7)),
        ((0, 1, 2), (4, 5, 7)),
        ((0, 1, 2), (3, 4, 6)),
        ((1, 3, 4), (5, 6, 7)),
    ]


def test_the_published_folds_are_those_of_the_global_generator():
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(2019)  # noqa: NPY002
    rows = np.random.permutation(40).reshape(4, 10)  # noqa: NPY002
    np.random.set_state(state)  # noqa: NPY002
    assert [fold.test for fold in make_folds("published", 40)] == [tuple(row) for row in rows.tolist()]


def test_block_folds_test_neighbours_together():
    folds = make_folds("blocks", 10)
    assert [fold.test for fold in folds] == [(0, 1, 2), (3, 4, 5), (6, 7), (8, 9)]
    assert folds[1].clean == (0, 1, 2)
    assert folds[1].noisy == (6, 7, 8, 9)


@pytest.mark.parametrize("scheme", ["published", "blocks"])
@pytest.mark.parametrize("count", [4, 7, 8, 41])
def test_folds_share_nothing_and_lose_only_what_they_say(scheme, count):
    folds = make_folds(scheme, count)
    used = count - dropped(scheme, count)
    assert sorted(index for fold in folds for index in fold.test) == list(range(used))
    for fold in folds:
        assert sorted((*fold.test, *fold.clean, *fold.noisy)) == list(range(used))
        assert 0 <= len(fold.noisy) - len(fold.clean) <= 1
        assert fold.training == (*fold.clean, *fold.noisy) == tuple(sorted(fold.training))


def test_the_published_scheme_drops_the_last_images_that_do_not_divide():
    assert dropped("published", 43) == 3
    assert make_folds("published", 43) == make_folds("published", 40)


@pytest.mark.parametrize("scheme", ["published", "blocks"])
def test_fewer_images_than_folds_are_refused(scheme):
    with pytest.raises(InputError, match="3 images are fewer than the 4 folds"):
        make_folds(scheme, 3)


def test_an_unknown_scheme_is_refused():
    with pytest.raises(InputError, match="unknown fold scheme 'block': did you mean 'blocks'"):
        make_folds("block", 8)
