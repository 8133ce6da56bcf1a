"""Pictures and pages for people: image grids, error maps, loss curves, a self-contained HTML report, the terminal."""
