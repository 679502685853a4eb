"""Between bytes on disk and values: FITS in, light-curve FITS out."""
