"""hstlc: light curves from the photon lists of space missions.

The notebook API: :func:`read` gives the events of a file, :func:`light_curve` a light curve of an exposure,
:func:`light_curves` those of the sources in its field, :func:`read_light_curve` one that was written, :func:`plot` a
picture of one, :func:`query` the rows of one read-only SQL statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hstlc.version import VERSION

__all__ = ["__version__", "light_curve", "light_curves", "plot", "query", "read", "read_light_curve"]

__version__ = VERSION

if TYPE_CHECKING:
    from hstlc.api import light_curve, light_curves, plot, query, read, read_light_curve


def __getattr__(name: str) -> Any:
    # the API pulls in astropy: only who asks for it pays for it
    if name in __all__:
        from hstlc import api

        return getattr(api, name)
    raise AttributeError(f"module 'hstlc' has no attribute {name!r}")
