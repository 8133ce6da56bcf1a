"""Image files and arrays of any library, read and written plane by plane."""
