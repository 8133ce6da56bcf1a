"""Noise for clean images: film and charging as measured in microscopes, captured noise, and the classical models."""

from __future__ import annotations

from pellucid.simulation.noise.calibrate import strength_for_psnr
from pellucid.simulation.noise.charge import charge_field
from pellucid.simulation.noise.film import film_field
from pellucid.simulation.noise.registry import SIMULATORS, Simulator, simulate

__all__ = ["SIMULATORS", "Simulator", "charge_field", "film_field", "simulate", "strength_for_psnr"]
