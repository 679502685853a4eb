"""A stand-in for all archives: one process on this machine, with a world that moves in time and faults on request.

Synthetic throughout: every FITS file says ``SIMULATD = T``. See :class:`hstlc.testing.archive.server.StandIn`.
"""

from hstlc.testing.archive.faults import FILE_FAULTS, QUERY_FAULTS, Fault, FaultPlan, fault
from hstlc.testing.archive.messages import Entry, Incoming, Outgoing, RequestLog, Router
from hstlc.testing.archive.server import StandIn
from hstlc.testing.archive.world import File, Shown, World

__all__ = [
    "FILE_FAULTS",
    "QUERY_FAULTS",
    "Entry",
    "Fault",
    "FaultPlan",
    "File",
    "Incoming",
    "Outgoing",
    "RequestLog",
    "Router",
    "Shown",
    "StandIn",
    "World",
    "fault",
]
