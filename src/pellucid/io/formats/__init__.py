"""One file per format: ``open_file`` reads, ``create`` and ``reopen`` write, ``WRITABLE`` names the pixel types.

A new format is a file here with these four names (``create = reopen = refuse_to_write`` if it is read only) and one
line in ``FORMATS`` in ``registry.py``.
"""
