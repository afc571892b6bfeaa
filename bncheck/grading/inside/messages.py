"""Messages between judge and worker: JSON with its length before it, and nothing that executes."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from typing import Any

HEADER = struct.Struct("!I")
PIECE = 2**16


class Damaged(Exception):
    """What arrived is no message: too long, no JSON, no dict, or cut off."""


class Late(Exception):
    """The time for a message has passed."""


class Gone(Exception):
    """The other side has closed its end."""


class Channel:
    """One end of a stream socket that carries messages.

    bound: the bytes of the longest message that is sent or accepted.  Waiting ends at the
    deadline given, whatever the other side does.
    """

    def __init__(self, end: socket.socket, bound: int) -> None:
        self.end, self.bound = end, bound

    def send(self, message: dict[str, Any], seconds: float | None = None) -> None:
        """Send a dict of plain values.

        Raises ValueError for one that is too long, Late, or Gone.
        """
        body = json.dumps(message).encode("ascii")
        if len(body) > self.bound:
            raise ValueError(f"need a message of at most {self.bound} bytes, got {len(body)}")
        deadline = _deadline(seconds)
        rest = memoryview(HEADER.pack(len(body)) + body)
        while rest:
            try:
                self.end.settimeout(_left(deadline))
                rest = rest[self.end.send(rest) :]
            except TimeoutError:
                raise Late from None
            except OSError:
                raise Gone from None

    def receive(self, seconds: float | None = None) -> dict[str, Any]:
        """The next message.  Raises Damaged, Late or Gone."""
        deadline = _deadline(seconds)
        (length,) = HEADER.unpack(self._bytes(HEADER.size, deadline, Gone))
        if length > self.bound:
            raise Damaged(f"need a message of at most {self.bound} bytes, got {length}")
        body = self._bytes(length, deadline, Damaged)
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Damaged(f"need JSON, got {type(error).__name__}") from None
        if not isinstance(message, dict):
            raise Damaged(f"need a dict, got {type(message).__name__}")
        return message

    def unasked(self) -> bool:
        """Whether something has arrived already that nobody asked for."""
        try:
            self.end.settimeout(0)
            return bool(self.end.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def close(self) -> None:
        """End the line, also for a thread that waits at this end, and for copies in forks."""
        with contextlib.suppress(OSError):
            self.end.shutdown(socket.SHUT_RDWR)
        self.end.close()

    def _bytes(self, count: int, deadline: float | None, cut: type[Exception]) -> bytes:
        """Exactly `count` bytes; raises `cut` if the other side closes before the first of them."""
        got = bytearray()
        while len(got) < count:
            try:
                self.end.settimeout(_left(deadline))
                piece = self.end.recv(min(PIECE, count - len(got)))
            except TimeoutError:
                raise Late from None
            except OSError:
                piece = b""
            if not piece:
                raise (Damaged("need a whole message, got a part") if got else cut())
            got += piece
        return bytes(got)


def _deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def _left(deadline: float | None) -> float | None:
    """Seconds until the deadline.  Raises Late when there are none."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise Late
    return left
