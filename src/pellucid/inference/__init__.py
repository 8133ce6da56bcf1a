"""From a denoiser and an image of any size to a denoised image."""

from pellucid.inference.activation_cache import ActivationCache
from pellucid.inference.memory import Cost, is_out_of_memory, measure_tile, probe
from pellucid.inference.plane import (
    DenoisedPlane,
    FrozenDenoiser,
    affordable_side,
    denoise_plane,
    denoise_view,
    fits_whole,
)
from pellucid.inference.sampled_statistics import Sample, sample_statistics
from pellucid.inference.statistics import Statistics, exact_statistics, has_norms, measure_pieces, patch_statistics
from pellucid.inference.statistics_file import (
    are_finite,
    dump_statistics,
    load_statistics,
    parse_statistics,
    refuse_other,
    save_statistics,
)
from pellucid.inference.view import View
from pellucid.inference.z_interpolation import ZInterpolation

__all__ = [
    "ActivationCache",
    "Cost",
    "DenoisedPlane",
    "FrozenDenoiser",
    "Sample",
    "Statistics",
    "View",
    "ZInterpolation",
    "affordable_side",
    "are_finite",
    "denoise_plane",
    "denoise_view",
    "dump_statistics",
    "exact_statistics",
    "fits_whole",
    "has_norms",
    "is_out_of_memory",
    "load_statistics",
    "measure_pieces",
    "measure_tile",
    "parse_statistics",
    "patch_statistics",
    "probe",
    "refuse_other",
    "sample_statistics",
    "save_statistics",
]
