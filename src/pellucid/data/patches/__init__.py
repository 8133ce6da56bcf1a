"""Patches and batches from images."""

from pellucid.data.patches.batches import Flattest, RandomBatches
from pellucid.data.patches.coverage import Coverage
from pellucid.data.patches.gpu_patches import GpuPatches, on_gpu
from pellucid.data.patches.official import OfficialBatches
from pellucid.data.patches.patches import Patches
from pellucid.data.patches.prefetch import prefetch

__all__ = ["Coverage", "Flattest", "GpuPatches", "OfficialBatches", "Patches", "RandomBatches", "on_gpu", "prefetch"]
