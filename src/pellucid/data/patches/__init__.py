"""Training patches and batches.

- ``coordinates``: all positions of patches, each with a number; ``coverage``: how much of a patch is padding.
- ``patches``: patches from main memory or mapped files; ``gpu_patches``: the same from a GPU's memory; ``stacks``:
  patches with those of neighbouring slices.
- ``batches``: random batches; ``official``: batches in the published order; ``prefetch``: batches drawn in advance.
"""

from pellucid.data.patches.batches import Draws, Flattest, RandomBatches
from pellucid.data.patches.coverage import Coverage
from pellucid.data.patches.gpu_patches import GpuPatches, on_gpu
from pellucid.data.patches.official import OfficialBatches
from pellucid.data.patches.patches import Patches
from pellucid.data.patches.prefetch import prefetch
from pellucid.data.patches.stacks import Stacks

__all__ = [
    "Coverage",
    "Draws",
    "Flattest",
    "GpuPatches",
    "OfficialBatches",
    "Patches",
    "RandomBatches",
    "Stacks",
    "on_gpu",
    "prefetch",
]
