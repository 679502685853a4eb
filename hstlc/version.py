"""The version of this software."""

__all__ = ["VERSION"]

VERSION = "2.0.0.dev1"
