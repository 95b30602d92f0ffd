"""The wire format, version 1: MQTT packets as base64 in text frames. Pure: no sockets, no paho.

Specification: docs/wire-format.md. Tests: docs/wire-vectors.json.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import List

#: Raw bytes in a numbered frame: their base64 and a number of 15 digits fill the 32,768 characters of a frame.
MAX_FRAME_BYTES = 24_564

#: Maximum Packet Size of the broker in bytes, fixed header included.
MAX_PACKET_BYTES = 97_280


class WireError(ConnectionError):
    """The gateway, or the library above, violated the wire format. The connection cannot continue."""


class GatewayError(WireError):
    """API Gateway responded in place of the broker."""


class FrameWriter:
    """Turns MQTT bytes in any chunking into numbered text frames. One writer serves one connection."""

    def __init__(self) -> None:
        self._frames = 0
        self._buffer = bytearray()
        self._whole_bytes = 0  # Bytes of whole packets at the front of the buffer, for the next frame.

    def write(self, chunk: bytes) -> List[str]:
        """Takes a chunk and returns the full frames; the remaining whole packets wait for ``flush``.

        :raises WireError: for a packet over ``MAX_PACKET_BYTES`` and for a malformed remaining length.
        """
        self._buffer += chunk
        frames: List[str] = []
        while True:
            size = _packet_size(self._buffer, self._whole_bytes)
            if size is None:
                return frames
            if self._whole_bytes + size > MAX_FRAME_BYTES:
                frames += self.flush()
            if self._whole_bytes + size > len(self._buffer):
                return frames
            if size > MAX_FRAME_BYTES:
                frames += self._slices(size)
            else:
                self._whole_bytes += size

    def flush(self) -> List[str]:
        """Ends a turn: returns the frame with the waiting whole packets, if any."""
        size, self._whole_bytes = self._whole_bytes, 0
        return [self._frame(size)] if size else []

    def _slices(self, size: int) -> List[str]:
        return [self._frame(min(MAX_FRAME_BYTES, size - start)) for start in range(0, size, MAX_FRAME_BYTES)]

    def _frame(self, size: int) -> str:
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._frames += 1
        return f"{self._frames}.{base64.b64encode(raw).decode('ascii')}"


def _packet_size(buffer: bytearray, start: int) -> int | None:
    """Bytes of the packet that begins at ``start``, or ``None`` while its fixed header is incomplete."""
    remaining = 0
    for index in range(4):
        if start + 1 + index >= len(buffer):
            return None
        byte = buffer[start + 1 + index]
        remaining += (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return _allowed_size(2 + index + remaining)
    raise WireError("malformed remaining length: more than 4 bytes")


def _allowed_size(size: int) -> int:
    if size > MAX_PACKET_BYTES:
        raise WireError(f"a packet of {size} bytes is over the limit of {MAX_PACKET_BYTES}")
    return size


def read_frame(frame: str) -> bytes:
    """The MQTT bytes of a frame from the server, which are always whole packets.

    :raises GatewayError: when API Gateway reports a failure in place of the broker.
    :raises WireError: unless the frame is padded, canonical base64 of the standard alphabet.
    """
    if frame.startswith("{"):
        raise GatewayError(f"gateway: {_gateway_message(frame)}")
    try:
        raw = base64.b64decode(frame, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    # Python accepts unused bits that are not zero; encoding the result reveals them.
    if not raw or base64.b64encode(raw).decode("ascii") != frame:
        raise WireError(f"frame is not base64: {len(frame)} characters")
    return raw


def _gateway_message(frame: str) -> str:
    try:
        return str(json.loads(frame).get("message", frame))
    except ValueError:
        return frame
