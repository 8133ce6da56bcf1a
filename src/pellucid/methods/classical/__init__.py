"""Methods without learning: BM3D, filters and baselines."""
