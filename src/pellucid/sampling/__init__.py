"""Patches and batches from images."""

from pellucid.sampling.ahead import ahead
from pellucid.sampling.batches import Flattest, RandomBatches
from pellucid.sampling.coverage import Coverage
from pellucid.sampling.official import OfficialBatches
from pellucid.sampling.patches import Patches
from pellucid.sampling.resident import ResidentPatches, settled

__all__ = ["Coverage", "Flattest", "OfficialBatches", "Patches", "RandomBatches", "ResidentPatches", "ahead", "settled"]
