"""The form of the page of a light curve: its fields and the parameters of the address, one from the other."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FIELDS", "form_values", "selection"]

_NUMBERS = ("bin", "counts", "blocks", "energy", "wavelength", "band", "fold", "phase_bins", "epoch")
_PLACES = ("start", "stop", "from_mjd", "to_mjd", "zoom")

#: Fields of the form and what they are unless the address says otherwise.
FIELDS = {
    **dict.fromkeys((*_NUMBERS, *_PLACES), ""),
    "binning": "stored",
    "background": "subtract",
    "time": "utc",
    "axis": "seconds",
    "scale": "linear",
    "errors": "yes",
}

_BINNING = {"width": "bin", "counts": "counts", "blocks": "blocks"}
_CHOICES = {
    "binning": ("stored", *_BINNING),
    "background": ("subtract", "keep"),
    "time": ("utc", "tdb"),
    "axis": ("seconds", "mjd"),
    "scale": ("linear", "log"),
    "errors": ("yes", "no"),
}
_SELECTION = ("energy", "wavelength", "band", "background", "time", "fold", "phase_bins", "epoch")


def form_values(given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each field, from the parameters of the address.

    Without ``binning`` the parameter that is there tells the kind of bins. What is no choice of a field is left out.

    Examples
    --------
    >>> form_values({"counts": "20"})["binning"]
    'counts'
    """
    values = FIELDS | {name: value.strip() for name, value in given.items() if name in FIELDS}
    for name, choices in _CHOICES.items():
        if values[name] not in choices:
            values[name] = FIELDS[name]
    if values["binning"] == "stored" and given.get("binning") != "stored":
        values["binning"] = next((kind for kind, name in _BINNING.items() if values[name]), "stored")
    return values


def selection(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the parameters of ``/api/v1/curves/NAME/data`` that those of the page mean, defaults left out.

    Examples
    --------
    >>> selection({"binning": "width", "bin": "10", "counts": "", "background": "keep", "scale": "log"})
    [('bin', '10'), ('background', 'keep')]
    """
    values = form_values(given)
    kind = _BINNING.get(values["binning"], "")
    found = [(kind, values[kind])] if kind and values[kind] else []
    folded = values["fold"] != ""
    for name in _SELECTION:
        if values[name] not in ("", FIELDS[name]) and (folded or name not in ("phase_bins", "epoch")):
            found.append((name, values[name]))
    return found
