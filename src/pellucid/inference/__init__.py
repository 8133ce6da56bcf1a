"""From a denoiser and an image of any size to a denoised image."""

from pellucid.inference.plane import DenoisedPlane, denoise_plane

__all__ = ["DenoisedPlane", "denoise_plane"]
