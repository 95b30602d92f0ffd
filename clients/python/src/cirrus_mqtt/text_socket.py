"""A WebSocket after its handshake, with the interface of a socket on which paho-mqtt reads and writes MQTT bytes."""

from __future__ import annotations

import os
import socket
import ssl
import struct
from typing import Callable

from .wire import FrameWriter, WireError, read_frame

_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x8, 0x9, 0xA
_NORMAL_CLOSURE = struct.pack("!H", 1000)

# API Gateway: 128 KB in a message.
_MAX_MESSAGE = 131_072


class TextSocket:
    """Transports MQTT bytes in numbered text frames. Numbers restart with each connection, so each needs its own object."""

    def __init__(self, sock: socket.socket, more_waits: Callable[[], bool]) -> None:
        """:param more_waits: returns true if another packet will be written in this turn and may share the frame."""
        self._socket = sock
        self._more_waits = more_waits
        self._writer = FrameWriter()
        self._outgoing = bytearray()
        self._taken = 0  # Length of the packet that was accepted but not sent yet.
        self._incoming = bytearray()
        self._message = bytearray()
        self._in_message = False
        self._packets = bytearray()
        self._over = False

    @property
    def has_packets(self) -> bool:
        """True if ``recv`` has buffered packets that ``select`` cannot see."""
        return bool(self._packets) or self._has_frame()

    def pending(self) -> int:
        """Above 0 if there are buffered bytes that ``select`` may not report."""
        inside_tls = self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0
        return int(self.has_packets) + inside_tls

    def recv(self, size: int) -> bytes:
        """Returns at most ``size`` bytes of MQTT; none at the end of the connection.

        :raises BlockingIOError: when there is nothing to read now.
        :raises WireError: for frames that are not of the wire format.
        """
        while not self._packets:
            if self._over:
                return b""
            if not self._read_frame():
                self._receive()
        taken = bytes(self._packets[:size])
        del self._packets[:size]
        return taken

    def send(self, packet: bytes) -> int:
        """Takes a packet; returns its length if it has been sent, or waits to share its frame with others.

        :raises BlockingIOError: when the network takes no more now. Then the same packet has to be written again.
        """
        if not self._taken:
            self._frame(self._writer.write(packet))
            self._taken = len(packet)
        if not self._more_waits():
            self._frame(self._writer.flush())
        self._drain()
        taken, self._taken = self._taken, 0
        return taken

    def close(self) -> None:
        """Sends a close frame if the network accepts it at once, and closes the socket."""
        try:
            self._frame(self._writer.flush())
            self._enqueue(_CLOSE, _NORMAL_CLOSURE)
            self._drain()
        except OSError:
            pass  # The other side has closed the connection.
        finally:
            self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def setblocking(self, flag: bool) -> None:
        self._socket.setblocking(flag)

    def _receive(self) -> None:
        try:
            data = self._socket.recv(65_536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error
        self._over = not data
        self._incoming += data

    def _drain(self) -> None:
        while self._outgoing:
            try:
                sent = self._socket.send(self._outgoing)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
                raise BlockingIOError from error
            del self._outgoing[:sent]

    def _frame(self, frames: list[str]) -> None:
        for frame in frames:
            self._enqueue(_TEXT, frame.encode("ascii"))

    def _enqueue(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        self._outgoing += _header(opcode, len(payload)) + mask + _masked(payload, mask)

    def _has_frame(self) -> bool:
        try:
            return _whole_frame(self._incoming) is not None
        except WireError:
            return True  # `recv` raises the error.

    def _read_frame(self) -> bool:
        """Handles one frame if it is complete."""
        size = _whole_frame(self._incoming)
        if size is None:
            return False
        head, length = size
        opcode, final = self._incoming[0] & 0x0F, self._incoming[0] >= 0x80
        payload = bytes(self._incoming[head : head + length])
        del self._incoming[: head + length]
        self._handle(opcode, final, payload)
        return True

    def _handle(self, opcode: int, final: bool, payload: bytes) -> None:
        if opcode == _CLOSE:
            self._over = True
        elif opcode == _PING:
            self._answer(payload)
        elif opcode == (_CONTINUATION if self._in_message else _TEXT):
            self._gather(final, payload)
        elif opcode != _PONG:
            raise WireError(f"unexpected WebSocket frame with opcode {opcode} from the gateway")

    def _answer(self, payload: bytes) -> None:
        self._enqueue(_PONG, payload)
        try:
            self._drain()
        except BlockingIOError:
            pass  # It is sent with the next packet.

    def _gather(self, final: bool, payload: bytes) -> None:
        self._message += payload
        self._in_message = not final
        if len(self._message) > _MAX_MESSAGE:
            raise WireError(f"a message of more than {_MAX_MESSAGE} characters from the gateway")
        if final:
            self._packets += read_frame(self._message.decode("latin-1"))
            self._message.clear()


def _header(opcode: int, length: int) -> bytes:
    """RFC 6455, section 5.2: a final frame with a masked payload, as clients have to send."""
    first = 0x80 | opcode
    if length < 126:
        return struct.pack("!BB", first, 0x80 | length)
    if length < 65_536:
        return struct.pack("!BBH", first, 0x80 | 126, length)
    return struct.pack("!BBQ", first, 0x80 | 127, length)


def _masked(payload: bytes, mask: bytes) -> bytes:
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


def _whole_frame(buffer: bytearray) -> tuple[int, int] | None:
    """Bytes of the header and of the payload of the first frame, or ``None`` while it is incomplete.

    :raises WireError: for a masked frame, which no server sends, and for one that no gateway sends.
    """
    if len(buffer) < 2:
        return None
    if buffer[1] >= 0x80:
        raise WireError("masked WebSocket frame from the gateway")
    length = buffer[1]
    head = {126: 4, 127: 10}.get(length, 2)
    if len(buffer) < head:
        return None
    if head > 2:
        length = int.from_bytes(buffer[2:head], "big")
    if length > _MAX_MESSAGE:
        raise WireError(f"a frame of {length} characters from the gateway")
    return (head, length) if len(buffer) >= head + length else None
