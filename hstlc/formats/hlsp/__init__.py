"""High Level Science Products: what an archive wants of the light curves that are delivered to it."""
