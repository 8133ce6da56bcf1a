"""One file a format: ``open_file`` reads it, ``create`` and ``reopen`` write it, ``WRITABLE`` names its pixel types."""
