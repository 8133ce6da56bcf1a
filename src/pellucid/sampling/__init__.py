"""Patches and batches from images."""

from pellucid.sampling.official import OfficialBatches
from pellucid.sampling.patches import Patches, UnpairedBatches

__all__ = ["OfficialBatches", "Patches", "UnpairedBatches"]
