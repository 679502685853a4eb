"""What a browser keeps in place of the token: who it is and until when, signed with a key of this store."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from hstlc.errors import StoreError
from hstlc.store.faults import translated

__all__ = ["KEY_NAME", "form_token", "read_session", "server_key", "session_of"]

#: File of the key, below the data tree; who can read it can sign in as anybody.
KEY_NAME = ".hstlc.web.key"

_KEY_BYTES = 32


def server_key(home: Path, *, make: bool = False) -> bytes | None:
    """Return the key of a store; None where there is none yet and none is to be made.

    Several processes may make it at the same time: all get the same one.

    Raises
    ------
    StoreError
        ``store.web-key``: the file is no key, or others can read it; ``store.read-only`` and the like.
    """
    path = home / KEY_NAME
    with translated(path):
        if not path.exists():
            if not make:
                return None
            fresh = path.with_name(f"{KEY_NAME}.{secrets.token_hex(8)}.part")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(secrets.token_bytes(_KEY_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
                path.hardlink_to(fresh)
            except FileExistsError:
                pass  # another process was faster
            finally:
                fresh.unlink()
        key, mode = path.read_bytes(), path.stat().st_mode
    if len(key) != _KEY_BYTES or mode & 0o077:
        raise StoreError(
            "store.web-key",
            f"{KEY_NAME} in the data tree: expected {_KEY_BYTES} bytes that its owner alone can read",
            "delete it: the next sign-in makes a new one, and everybody has to sign in again",
        )
    return key


def session_of(key: bytes, user: int, digest: str, until: int) -> str:
    """Return the value that says who a browser is.

    Parameters
    ----------
    key : bytes
        Of :func:`server_key`.
    user : int
        Number of the user's row.
    digest : str
        Of the user's token: a new token ends the sessions of the old one.
    until : int, seconds
        Unix time at which it ends.
    """
    return f"{user}.{until}.{_sign(key, f'session {user} {until} {digest}')}"


def read_session(value: str) -> tuple[int, int] | None:
    """Return user and end that a value states, which :func:`session_of` has to confirm; None: it is none.

    Examples
    --------
    >>> read_session(session_of(b"key", 7, "digest", 1800000000))
    (7, 1800000000)
    >>> read_session("admin") is None
    True
    """
    parts = value.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) <= 10 for part in parts[:2]):
        return None
    user, until = int(parts[0]), int(parts[1])
    return (user, until) if 0 < user < 2**31 else None


def form_token(key: bytes, session: str) -> str:
    """Return what the forms of a session carry, so that pages from elsewhere cannot send them."""
    return _sign(key, f"form {session}")


def _sign(key: bytes, text: str) -> str:
    signature = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")
