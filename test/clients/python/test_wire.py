"""The wire format in Python, by the test vectors."""

import json
import re
import unittest
from pathlib import Path

from cirrus_mqtt.wire import MAX_FRAME_BYTES, FrameWriter, GatewayError, WireError, read_frame

VECTORS = json.loads((Path(__file__).parents[3] / "docs" / "wire-vectors.json").read_text("utf-8"))


def expand(text):
    return re.sub(r"<(\d+)\*([^>]*)>", lambda match: match[2] * int(match[1]), text)


def play(writes):
    writer = FrameWriter()
    frames = []
    for write in writes:
        frames += writer.write(bytes.fromhex(expand(write))) if write else writer.flush()
    return frames + writer.flush()


class Vectors(unittest.TestCase):
    def test_there_are_some_of_each_kind(self):
        kinds = ["clientToServer", "clientToServerErrors", "serverToClient", "serverToClientErrors"]

        self.assertEqual(sorted(VECTORS), sorted(kinds))
        self.assertTrue(all(len(VECTORS[kind]) > 2 for kind in kinds))

    def test_writes(self):
        for vector in VECTORS["clientToServer"]:
            with self.subTest(vector["name"]):
                self.assertEqual(play(vector["writes"]), [expand(frame) for frame in vector["frames"]])

    def test_refuses_to_write(self):
        for vector in VECTORS["clientToServerErrors"]:
            with self.subTest(vector["name"]):
                writer = FrameWriter()
                for write in vector["writes"][:-1]:
                    writer.write(bytes.fromhex(expand(write)))
                with self.assertRaisesRegex(WireError, f"^{re.escape(vector['error'])}$"):
                    writer.write(bytes.fromhex(expand(vector["writes"][-1])))

    def test_reads(self):
        for vector in VECTORS["serverToClient"]:
            with self.subTest(vector["name"]):
                self.assertEqual(read_frame(expand(vector["frame"])).hex(), expand(vector["bytes"]))

    def test_refuses_to_read(self):
        for vector in VECTORS["serverToClientErrors"]:
            with self.subTest(vector["name"]):
                kind = GatewayError if vector["error"].startswith("gateway") else WireError
                with self.assertRaisesRegex(kind, f"^{re.escape(vector['error'])}$"):
                    read_frame(expand(vector["frame"]))


class Chunks(unittest.TestCase):
    def test_any_chunking_of_a_turn_gives_the_same_frames(self):
        large = "30acea01000161" + "2a" * 29_993
        stream = bytes.fromhex("100d00044d51545404020014000161" + large + "c000" + "30060003612f622a")
        whole = play([stream.hex()])

        for size in [1, 7, 4_096, MAX_FRAME_BYTES]:
            chunks = [stream[start : start + size].hex() for start in range(0, len(stream), size)]
            self.assertEqual(play(chunks), whole)


if __name__ == "__main__":
    unittest.main()
