"""Pellucid: learns to clean microscope images from noisy images and unrelated clean ones."""

__version__ = "0.1.0"
