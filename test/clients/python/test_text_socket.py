"""What paho-mqtt reads and writes, on one end of a pair of sockets; the gateway is the other."""

import socket
import struct
import unittest

from cirrus_mqtt.text_socket import TextSocket
from cirrus_mqtt.wire import GatewayError, WireError

PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"


def server_frame(opcode, payload, final=True):
    assert len(payload) < 126
    return struct.pack("!BB", (0x80 if final else 0) | opcode, len(payload)) + payload


def client_frames(data):
    """Opcode and payload of every frame, all of which have to be masked."""
    frames = []
    while data:
        opcode, length, head = data[0] & 0x0F, data[1] & 0x7F, 2
        assert data[0] & 0x80 and data[1] & 0x80
        if length == 126:
            length, head = int.from_bytes(data[2:4], "big"), 4
        mask, body = data[head : head + 4], data[head + 4 : head + 4 + length]
        frames.append((opcode, bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))))
        data = data[head + 4 + length :]
    return frames


class OnePair(unittest.TestCase):
    def setUp(self):
        self.gateway, client = socket.socketpair()
        client.setblocking(False)
        self.more = False
        self.text = TextSocket(client, lambda: self.more)

    def tearDown(self):
        self.text.close()
        self.gateway.close()

    def test_several_packets_of_one_frame_are_read_bit_by_bit(self):
        self.gateway.sendall(server_frame(1, b"0ADQAA=="))

        self.assertEqual(self.text.recv(1), PINGRESP[:1])
        self.assertTrue(self.text.has_packets)
        self.assertEqual(self.text.recv(9), PINGRESP[1:] + PINGRESP)
        self.assertFalse(self.text.has_packets)
        with self.assertRaises(BlockingIOError):
            self.text.recv(1)

    def test_a_second_frame_that_came_with_the_first_is_known_to_wait(self):
        self.gateway.sendall(server_frame(1, b"0AA=") + server_frame(1, b"0AA=") + server_frame(1, b"0AA=")[:3])

        self.assertEqual(self.text.recv(9), PINGRESP)
        self.assertEqual(self.text.pending(), 1)
        self.assertEqual(self.text.recv(9), PINGRESP)
        self.assertEqual(self.text.pending(), 0)

    def test_a_message_may_come_in_fragments_with_a_ping_between_them(self):
        self.gateway.sendall(server_frame(1, b"0A", final=False) + server_frame(9, b"hi") + server_frame(0, b"A="))

        self.assertEqual(self.text.recv(9), PINGRESP)
        self.assertEqual(client_frames(self.gateway.recv(99)), [(0xA, b"hi")])

    def test_a_header_may_arrive_in_pieces(self):
        for byte in server_frame(1, b"0AA="):
            with self.assertRaises(BlockingIOError):
                self.text.recv(1)
            self.gateway.sendall(bytes([byte]))

        self.assertEqual(self.text.recv(9), PINGRESP)

    def test_packets_of_one_turn_share_a_frame(self):
        self.more = True
        self.assertEqual(self.text.send(PINGREQ), 2)
        self.more = False
        self.assertEqual(self.text.send(PINGREQ), 2)
        self.assertEqual(self.text.send(PINGREQ), 2)

        self.assertEqual(client_frames(self.gateway.recv(99)), [(1, b"1.wADAAA=="), (1, b"2.wAA=")])

    def test_what_the_network_does_not_take_at_once_leaves_later_and_only_once(self):
        self.text._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_608)
        packet = b"\x30\xfc\xf7\x05" + bytes(97_276)
        received = bytearray()
        attempts = 0
        while True:
            attempts += 1
            try:
                self.assertEqual(self.text.send(packet), len(packet))
                break
            except BlockingIOError:
                received += self.gateway.recv(65_536)
        self.gateway.setblocking(False)
        while True:
            try:
                received += self.gateway.recv(65_536)
            except BlockingIOError:
                break

        self.assertGreater(attempts, 1)
        texts = [payload for _opcode, payload in client_frames(bytes(received))]
        self.assertEqual([text.partition(b".")[0] for text in texts], [b"1", b"2", b"3", b"4"])

    def test_the_end_comes_after_what_was_said_before(self):
        self.gateway.sendall(server_frame(1, b"0AA=") + server_frame(8, b"\x03\xe9"))

        self.assertEqual(self.text.recv(9), PINGRESP)
        self.assertEqual(self.text.recv(9), b"")

    def test_closing_says_goodbye(self):
        self.text.close()

        self.assertEqual(client_frames(self.gateway.recv(99)), [(8, b"\x03\xe8")])

    def test_a_report_of_the_gateway_ends_the_connection(self):
        self.gateway.sendall(server_frame(1, b'{"message":"Internal server error"}'))

        with self.assertRaisesRegex(GatewayError, "gateway: Internal server error"):
            self.text.recv(1)

    def test_what_no_gateway_sends_ends_the_connection(self):
        for frame, what in [
            (server_frame(2, PINGRESP), "opcode 2"),
            (server_frame(0, b"0AA="), "opcode 0"),
            (b"\x81\x84abcd0AA=", "masked"),
            (b"\x81\x7f" + (1 << 40).to_bytes(8, "big"), "a frame of 1099511627776"),
        ]:
            with self.subTest(what):
                self.tearDown()
                self.setUp()
                self.gateway.sendall(frame)
                with self.assertRaisesRegex(WireError, what):
                    self.text.recv(1)


if __name__ == "__main__":
    unittest.main()
