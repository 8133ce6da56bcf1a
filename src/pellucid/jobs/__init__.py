"""Jobs: files of any size denoised block by block, within given memory, gone on with after a stop, on many machines."""

from pellucid.jobs.cleaner import Cleaner, Opener
from pellucid.jobs.cluster import Cluster
from pellucid.jobs.denoising import denoise_source, foresee
from pellucid.jobs.job import Written, padding_of
from pellucid.jobs.planning import Request, Wishes
from pellucid.jobs.progress import denoising_bar

__all__ = [
    "Cleaner",
    "Cluster",
    "Opener",
    "Request",
    "Wishes",
    "Written",
    "denoise_source",
    "denoising_bar",
    "foresee",
    "padding_of",
]
