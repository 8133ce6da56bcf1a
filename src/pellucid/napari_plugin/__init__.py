"""Pellucid in napari: it reads and writes files, offers the phantom as sample data, and denoises layers in a panel.

`napari.yaml` tells napari what there is. Only `panel` needs Qt; all else works on layers and plain arrays.
"""
