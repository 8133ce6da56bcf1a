"""The same numbers faster or with less memory: C kernels, a fused norm, recomputation, one-channel convolutions."""

from pellucid.ops.kernels import plain
from pellucid.ops.recompute import recompute_activations

__all__ = ["plain", "recompute_activations"]
