"""Patches and batches from images."""

from pellucid.sampling.official import OfficialBatches
from pellucid.sampling.patches import Flattest, Patches, RandomBatches

__all__ = ["Flattest", "OfficialBatches", "Patches", "RandomBatches"]
