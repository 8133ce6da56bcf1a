"""Patches and batches from images."""

from pellucid.data.patches.batches import Flattest, RandomBatches
from pellucid.data.patches.coverage import Coverage
from pellucid.data.patches.gpu_patches import ResidentPatches, settled
from pellucid.data.patches.official import OfficialBatches
from pellucid.data.patches.patches import Patches
from pellucid.data.patches.prefetch import ahead

__all__ = ["Coverage", "Flattest", "OfficialBatches", "Patches", "RandomBatches", "ResidentPatches", "ahead", "settled"]
