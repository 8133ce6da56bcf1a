"""The noise of some images, and how clean images become noisy in the same way.

    y' = h ∗ (a·y)                clean image with the brightness, and at most the structure, that noisy images have
    u  = m·y'                     in the shade                                       (`shading.py`)
    x' = clip(u + g(u)·z)         z: Gaussian field of spectrum D; g: its strength at each intensity

It is measured first and then corrected with a denoiser S that learns from the pairs (x', y'): what S removes from real
noisy images, r = x − S(x), must look like what it removes from these, r' = x' − S(x'):

    g² ← g²·(Var[r | S(x)] / Var[r' | S(x')])^½        D ← D·(PSD[r] / PSD[r'])^½ at fine frequencies

Images themselves could not be compared so: their structure differs, and S takes most of it out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from pellucid import process_group
from pellucid.methods.noise_model import by_intensity
from pellucid.methods.noise_model.residuals import Residuals
from pellucid.methods.noise_model.shading import Shading
from pellucid.methods.noise_model.spectrum import (
    RINGS,
    flattest_spectrum,
    flattest_white,
    frequencies,
    from_rings,
    gaussian_field,
    ring_means,
    smoothed,
    spectrum,
)

CELL = 16
"""Side of the squares whose mean brightness is compared, in pixels."""
BRIGHT = 0.85
"""Brightness is compared where this share of the squares is darker: shading only makes places darker."""
ALIKE = 0.05
"""Relative difference of brightness that two sets of images of one kind may have."""
SAME_STRUCTURE = 0.75
"""Share of the power of clean images from which noisy ones are taken to have the same structure."""
COARSE, FINE = 0.06, 0.12
"""Frequencies up to which mean spectra are compared, and from which on the flattest squares are."""
STRUCTURE_RINGS = 6
"""How many of the rings show structure, from the innermost on: up to 0.2 cycles per pixel."""
SURE, COARSER = 0.2, 2.0
"""Coarse noise has at most so many times the power of noise from `FINE` to this frequency: more would be structure."""
SPREAD = 0.1
"""Relative difference of the mean power of coarse structure that two sets of images of one kind may have."""
WEAKEST, STRONGEST = 0.6, 1.5
"""Limits of the corrected strength, as multiples of the measured one."""
FACTOR = 3.0
"""Limit of one comparison, and of the strength at one intensity, as a factor."""
BRIGHTNESS_BINS = 400
TINY = 1e-6


class NoiseModel(nn.Module):
    """The noise of some noisy images, measured beside clean ones.

    Args:
        side: of a patch, in pixels.
    """

    cells: Tensor
    brightness: Tensor
    structure: Tensor
    spectra: Tensor
    white: Tensor
    measured: Tensor
    power: Tensor
    first_power: Tensor
    strength: Tensor
    first_strength: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        self.shading = Shading(side)
        self.real = Residuals(side)
        self.made = Residuals(side)
        self.register_buffer("cells", torch.zeros(2, BRIGHTNESS_BINS))
        self.register_buffer("brightness", torch.ones(()))
        self.register_buffer("structure", torch.ones(len(RINGS) - 1))
        self.register_buffer("spectra", torch.zeros(4, side, side))
        self.register_buffer("white", torch.zeros(()))
        self.register_buffer("measured", torch.zeros(()))
        self.register_buffer("power", torch.ones(side, side))
        self.register_buffer("first_power", torch.ones(side, side))
        self.register_buffer("strength", torch.zeros(by_intensity.BINS))
        self.register_buffer("first_strength", torch.zeros(()))

    @torch.no_grad()
    def measure_brightness(self, noisy: Tensor, clean: Tensor) -> None:
        """Measure patches (N, 1, P, P) in [−1, 1]: brightness, and the local means that tell shading."""
        noisy, clean = process_group.whole(noisy), process_group.whole(clean)
        for row, patches in zip(self.cells, (noisy, clean), strict=True):
            row += torch.histc(avg_pool2d(patches, CELL).clamp(-1, 1), BRIGHTNESS_BINS, -1, 1)
        self.shading.count(noisy, clean)

    @torch.no_grad()
    def settle_brightness(self) -> None:
        """From what was measured so far decide on brightness."""
        dark, bright = (_quantile(row, BRIGHT) + 1 for row in self.cells)
        factor = dark / bright.clamp_min(TINY)
        if abs(float(factor) - 1) > ALIKE:
            self.brightness.copy_(factor)

    def settle_shading(self) -> None:
        """From what was measured so far decide on shading; brightness must be settled."""
        self.shading.settle(self.brightness)

    @torch.no_grad()
    def measure_spectrum(self, noisy: Tensor, clean: Tensor) -> None:
        """Measure the spectra of noisy patches and of clean ones in the shade; brightness must be settled."""
        noisy = process_group.whole(noisy)
        self.shading.keep(noisy)
        shaded = process_group.whole(self.shading(self.matched(clean)))
        measured = [measure(patches) for measure in (spectrum, flattest_spectrum) for patches in (noisy, shaded)]
        self.spectra += torch.stack(measured)
        self.white += flattest_white(noisy)
        self.measured += 1

    @torch.no_grad()
    def settle_spectrum(self) -> None:
        """From the spectra decide on the noise at each frequency, and on the structure that clean images may have."""
        noisy, clean = self.spectra[:2] / self.measured
        flat_noisy, flat_clean = self.spectra[2:] / self.white  # the factor of white noise is that of all
        contrast = _contrast(noisy, clean)
        coarse = smoothed(noisy - (1 + SPREAD) * contrast * clean)
        power = _joined(coarse, flat_noisy - contrast * flat_clean)
        structure = _possible_structure(noisy, clean, power)
        self.structure.copy_(structure)
        radius = frequencies(len(noisy), noisy.device)
        mean = _fine(radius) * smoothed(noisy - contrast * clean)  # the better estimate where the structure is the same
        power = torch.where(from_rings((structure == 1).float(), radius) == 1, torch.maximum(power, mean), power)
        self.first_strength.copy_(power.mean().sqrt().clamp_min(TINY))
        self.strength.fill_(float(self.first_strength))
        self.power.copy_(power / power.mean().clamp_min(1e-20))
        self.first_power.copy_(self.power)

    def matched(self, clean: Tensor) -> Tensor:
        """Clean patches with the brightness of the noisy ones and at most their structure: the truth of a pair."""
        if float(self.brightness) != 1:
            clean = ((clean + 1) * self.brightness - 1).clamp_max(1)
        return clean if bool((self.structure == 1).all()) else self._filtered(clean)

    def forward(self, clean: Tensor) -> Tensor:
        """Make clean patches (N, 1, P, P), which `matched` returned, noisy: in [−1, 1]."""
        shaded = self.shading(clean)
        field = gaussian_field(clean, self.power)
        noise: Tensor = by_intensity.look_up(self.strength, shaded) * field
        noisy: Tensor = (shaded + noise).clamp(-1, 1)
        return noisy

    @torch.no_grad()
    def correct(self) -> None:
        """Bring what a denoiser removes from noisy patches made here closer to what it removes from real ones."""
        pixels = torch.minimum(self.real.pixels, self.made.pixels)
        ratio = ((self.real.variance + TINY) / (self.made.variance + TINY)).clamp(1 / FACTOR, FACTOR)
        strength = self.strength * by_intensity.smoothed(ratio.log() / 4, pixels).exp()
        share = self.real.moments[0] / self.real.moments[0].sum()
        whole = (share * strength**2).sum().sqrt().clamp_min(1e-20)
        allowed = whole.clamp(WEAKEST * self.first_strength, STRONGEST * self.first_strength)
        self.strength.copy_((strength * allowed / whole).clamp_max(FACTOR * self.first_strength))
        real, made = (self._fine_share(residuals.spectrum) for residuals in (self.real, self.made))
        power = self.power * (real / made.clamp_min(1e-20)).clamp(1 / FACTOR, FACTOR).sqrt()
        power = power.clamp(self.first_power / 2, self.first_power * 2)
        self.power.copy_(torch.where(self._fine, self._fine_share(power), self.power))

    def _fine_share(self, power: Tensor) -> Tensor:
        """A spectrum with the mean power that this noise has at fine frequencies; coarse ones do not count.

        What S removes there is mostly what it doubts of the brightness, not noise.
        """
        return power * (self.power[self._fine].mean() / power[self._fine].mean().clamp_min(1e-20))

    @property
    def _fine(self) -> Tensor:
        return frequencies(len(self.power), self.power.device) >= FINE

    def _filtered(self, clean: Tensor) -> Tensor:
        """Clean patches whose power at each frequency is multiplied by `structure`."""
        side = clean.shape[-1]
        wide = pad(clean, (side // 2,) * 4, mode="reflect")
        radius = frequencies(2 * side, clean.device)
        gain = from_rings(self.structure, radius).sqrt()
        gain[0, 0] = 1
        filtered = torch.fft.ifft2(torch.fft.fft2(wide) * gain).real
        inside = slice(side // 2, side // 2 + side)
        result: Tensor = filtered[..., inside, inside].clamp(-1, 1).contiguous()
        return result


def _fine(radius: Tensor) -> Tensor:
    """0 at coarse frequencies, 1 at fine ones."""
    return ((radius - COARSE) / (FINE - COARSE)).clamp(0, 1)


def _joined(coarse: Tensor, fine: Tensor) -> Tensor:
    """The power of noise from two estimates, one for each end of the spectrum.

    Coarse noise is at least as strong as the finer noise of the same direction, which is better known.
    """
    radius = frequencies(len(fine), fine.device).to(fine)
    power = torch.lerp(coarse, fine, _fine(radius)).clamp_min(0)
    finer = _outward(power)
    return torch.where(radius < FINE, power.clamp(finer, COARSER * finer), power)


def _outward(power: Tensor) -> Tensor:
    """At each frequency the mean power in the same direction from `FINE` to `SURE`; at zero that of all directions."""
    side, axis = len(power), torch.fft.fftfreq(len(power), device=power.device)
    radius = frequencies(side, power.device)
    found = torch.zeros_like(power)
    for distance in torch.linspace(FINE, SURE, 5).tolist():
        scale = distance * side / radius.clamp_min(1 / side)
        rows, columns = (axis[:, None] * scale).round().long() % side, (axis * scale).round().long() % side
        found += power[rows, columns] / 5
    found[0, 0] = power[(radius >= FINE) & (radius < SURE)].mean()
    return found


def _possible_structure(noisy: Tensor, clean: Tensor, power: Tensor) -> Tensor:
    """Which share of the power of clean images can be in noisy ones beside the noise, in each of the `RINGS`."""
    noisy, clean, noise = (ring_means(each) for each in (noisy, clean, power))
    share = ((noisy - noise) / clean.clamp_min(1e-20)).clamp(0, 1)
    same = (clean + noise < (1 + SPREAD) * noisy) | (share > SAME_STRUCTURE)
    return torch.where(same, 1, share)


def _contrast(noisy: Tensor, clean: Tensor) -> Tensor:
    """By which factor the structure of noisy images can have more power than that of clean ones, at least 1.

    Noise adds power: where it adds least, the spectra differ by little else than structure.
    """
    return (ring_means(noisy) / ring_means(clean).clamp_min(1e-20))[:STRUCTURE_RINGS].min().clamp_min(1)


def _quantile(counts: Tensor, share: float) -> Tensor:
    """The value in [−1, 1] that this share of what was counted falls below."""
    below = counts.cumsum(0) / counts.sum()
    return (torch.searchsorted(below, below.new_tensor(share)) + 0.5) * (2 / len(counts)) - 1
