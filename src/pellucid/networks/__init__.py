"""Networks, built from norms."""

from pellucid.networks.discriminator import Discriminator
from pellucid.networks.extractor import Extractor
from pellucid.networks.generator import Generator

__all__ = ["Discriminator", "Extractor", "Generator"]
