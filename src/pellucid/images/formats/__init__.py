"""One file a format: ``open_file`` reads it, ``create`` writes it, ``WRITABLE`` names the pixel types that it holds."""
