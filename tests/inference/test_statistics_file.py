from __future__ import annotations

import torch

from pellucid.inference import load_statistics, save_statistics
from pellucid.norms import Moments


def moments(seed, channels):
    generator = torch.Generator().manual_seed(seed)
    mean, var = torch.randn(2, 1, channels, generator=generator)
    return Moments(mean, var.abs(), 1000 + seed)


def test_statistics_come_back_to_the_bit(tmp_path):
    known = [{"layers.1": moments(1, 4), "layers.10": moments(2, 8)}, {"first.second": moments(3, 1)}, {}]
    save_statistics(tmp_path / "a.safetensors", known)
    found = load_statistics(tmp_path / "a.safetensors")
    assert len(found) == 3
    for one, other in zip(found, known, strict=True):
        assert set(one) == set(other)
        for name, (mean, var, pixels) in one.items():
            assert torch.equal(mean, other[name].mean)
            assert torch.equal(var, other[name].var)
            assert pixels == other[name].pixels
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
