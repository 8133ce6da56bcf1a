from __future__ import annotations

import numpy as np
import pytest

from pellucid.box import boxed_models
from pellucid.doctor import self_check
from pellucid.methods.digest import short
from pellucid.model import Model
from pellucid.ops.kernels import plain


def test_this_installation_passes():
    checks = self_check.run_checks()
    assert [check.name for check in checks if not check.passed] == []
    assert len(checks) == 4


def test_by_torch_alone_it_passes_too():
    with plain():
        assert all(check.passed for check in self_check.run_checks())


def test_the_digest_is_that_of_the_box():
    assert short(Model.load(boxed_models()["em"], device="cpu").digest).startswith(self_check.DIGEST)


def test_another_device_is_compared_with_the_cpu():
    checks = self_check.run_checks(["cpu"])
    assert next(check for check in checks if check.name == "denoising on cpu").passed


@pytest.mark.parametrize(("name", "factor"), [("DENOISED", 1.001), ("TRAINED", 1.01), ("DIGEST", None)])
def test_other_numbers_are_found(monkeypatch, name, factor):
    other = "000000000000" if factor is None else tuple(np.array(getattr(self_check, name)) * factor)
    monkeypatch.setattr(self_check, name, other)
    assert sum(not check.passed for check in self_check.run_checks()) == 1


def test_the_pictures_differ_and_have_noise():
    one, other = self_check.picture(0), self_check.picture(1)
    assert one.dtype == np.float32
    assert not np.array_equal(one, other)
    assert np.abs(np.diff(one, axis=1)).mean() > 10
