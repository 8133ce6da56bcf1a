"""What a report of a problem needs to know of an installation, and whether it computes what it should.

- ``software``: versions, formats, extras; ``machine``: processor, devices, memory, disk, environment variables.
- ``self_check``: denoises and trains a little, and compares with numbers that are the same everywhere.
- ``examination``: all of it, as lines and as plain values.

Nothing here names the machine, its user or a folder: what is printed is meant to be shown to others.
"""
