"""Sources of images: opening, measuring and checking them, and cutting training patches.

- ``source``: opens files, folders, globs and arrays as one source; ``output_paths``: where results go.
- ``intensity_range``: from grey levels to the networks' range [−1, 1] and back; ``sample``: pixels to choose it by.
- ``padding``: the mask of valid pixels; ``crops``: representative crops; ``plane_cache``: planes in memory or a file.
- ``inventory``: what a source contains; ``texture``: measurements on a crop; ``structure_statistics`` and ``spread``:
  the same for a source.
- ``source_checks``, ``unpaired_checks``: warnings before training; ``training_comparison``: warnings before denoising.
- ``patches/``: training patches and batches.
"""
