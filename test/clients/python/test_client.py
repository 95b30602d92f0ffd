"""What CirrusClient makes of its arguments, before there is any connection."""

import gc
import sys
import unittest

from paho.mqtt import client as paho

from cirrus_mqtt import CirrusClient, TokenError


def new_client(**settings):
    if hasattr(paho, "CallbackAPIVersion"):
        settings["callback_api_version"] = paho.CallbackAPIVersion.VERSION2
    return CirrusClient(**settings)


class Addresses(unittest.TestCase):
    def test_an_address_tells_host_port_path_and_tls(self):
        for url, expected in [
            ("wss://abc.example.com/mqtt", ("abc.example.com", 443, "/mqtt", True)),
            ("ws://127.0.0.1:8080/mqtt?access_token=secret", ("127.0.0.1", 8080, "/mqtt?access_token=secret", False)),
            ("wss://abc.example.com", ("abc.example.com", 443, "/", True)),
        ]:
            with self.subTest(url):
                client = new_client()
                client.connect_url_async(url)
                self.assertEqual((client._host, client._port, client._websocket_path, client._ssl), expected)
                self.assertEqual(client._keepalive, 540)

    def test_what_is_no_address_of_a_gateway_is_refused_by_name(self):
        for url, complaint in [
            ("https://abc.example.com/mqtt", '"https://abc.example.com/mqtt" is no address of a gateway'),
            ("abc.example.com", '"abc.example.com" is no address of a gateway'),
            ("mqtt://host?access_token=secret", '"mqtt://host" is no address of a gateway'),
            ("wss://ann:sesame@host/mqtt", "a user name in the address"),
        ]:
            with self.subTest(url):
                with self.assertRaisesRegex(ValueError, complaint) as refused:
                    new_client().connect_url(url)
                self.assertNotRegex(str(refused.exception), "secret|sesame")

    def test_tls_is_not_left_out_by_mistake(self):
        client = new_client()
        client.tls_set()

        with self.assertRaisesRegex(ValueError, '"ws://host/mqtt" begins with ws://'):
            client.connect_url("ws://host/mqtt")


class Arguments(unittest.TestCase):
    def test_another_transport_is_refused_and_nothing_is_left_that_fails_later(self):
        complaints = []
        self.addCleanup(setattr, sys, "unraisablehook", sys.unraisablehook)
        sys.unraisablehook = lambda unraisable: complaints.append(unraisable.exc_value)

        with self.assertRaisesRegex(ValueError, 'transport is "tcp", but API Gateway speaks only "websockets"'):
            new_client(transport="tcp")
        gc.collect()

        self.assertEqual(complaints, [])

    def test_a_keepalive_that_would_not_hold_is_refused(self):
        for keepalive in [0, 600]:
            with self.assertRaisesRegex(ValueError, f"keepalive is {keepalive}, but has to be from 1 to 599"):
                new_client().connect_url("ws://host/mqtt", keepalive)

    def test_another_transport_is_refused(self):
        with self.assertRaisesRegex(ValueError, 'transport is "tcp"'):
            new_client(transport="tcp")

    def test_headers_and_a_fresh_token_go_into_each_handshake(self):
        tokens = iter(["one", "two"])
        client = new_client()
        client.connect_url_async("ws://host/mqtt", headers={"X-Site": "attic"}, token=lambda: next(tokens))

        for token in ["one", "two"]:
            headers = client._websocket_extra_headers({"Host": "host"})
            self.assertEqual(headers, {"Host": "host", "X-Site": "attic", "Authorization": f"Bearer {token}"})

    def test_a_token_that_cannot_be_had_is_a_failed_connection_and_is_asked_for_again(self):
        answers = iter([KeyError("session"), "secret\n", "", None, "good"])
        logged = []

        def token():
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        client = new_client()
        client.on_log = lambda _client, _userdata, _level, text: logged.append(text)
        client.connect_url_async("ws://host/mqtt", token=token)

        is_text = "token is a text that is no bearer token"
        for complaint in ["no token: 'session'", is_text, is_text, "token is NoneType that"]:
            with self.assertRaisesRegex(TokenError, complaint):  # An OSError, which paho's loops survive.
                client._websocket_extra_headers({})
            self.assertIn(complaint, logged[-1])
        self.assertEqual(client._websocket_extra_headers({}), {"Authorization": "Bearer good"})
        self.assertTrue(issubclass(TokenError, OSError))
        self.assertNotIn("secret", str(logged))

    def test_a_text_that_is_no_token_is_refused_at_once(self):
        with self.assertRaisesRegex(ValueError, "token is a text that is no bearer token"):
            new_client().connect_url_async("ws://host/mqtt", token="Bearer x")

    def test_the_size_of_a_packet_counts_bytes(self):
        limit = 97_280 - 1 - 3 - 2 - 2
        client = new_client(protocol=paho.MQTTv311)

        for payload in ["ä" * (limit // 2 + 1), bytes(limit + 1), bytearray(limit + 1)]:
            with self.assertRaisesRegex(ValueError, "over the limit of 97280"):
                client.publish("ä", payload)
        client.publish("ä", bytes(limit))


if __name__ == "__main__":
    unittest.main()
