"""A paho-mqtt client for tests: options in the first argument, commands on stdin, events on stdout, all as JSON."""

import json
import sys
import threading

from paho.mqtt import client as paho

from cirrus_mqtt import CirrusClient

options = json.loads(sys.argv[1])
printing = threading.Lock()
tokens = iter(options.get("tokens", []))


def say(event, **fields):
    with printing:
        print(json.dumps({"event": event, **fields}), flush=True)


def on_connect(client, _userdata, flags, reason, _properties=None):
    session = flags["session present"] if isinstance(flags, dict) else flags.session_present
    say("connected", sessionPresent=bool(session), reason=str(reason))


def on_message(_client, _userdata, message):
    text = message.payload.decode()
    say("message", topic=message.topic, payload=text, qos=message.qos, retain=bool(message.retain))


def on_publish(_client, _userdata, mid, *_rest):
    say("published", mid=mid)


def on_subscribe(*_rest):
    say("subscribed")


def on_disconnect(*_rest):
    say("disconnected")


def on_log(_client, _userdata, _level, text):
    if "failed" in text:
        say("log", text=text)


def new_client():
    settings = {
        "client_id": options["clientId"],
        "clean_session": options.get("clean", True),
    }
    if options.get("version") == 5:
        settings = {"client_id": options["clientId"], "protocol": paho.MQTTv5}
    if hasattr(paho, "CallbackAPIVersion"):
        settings["callback_api_version"] = paho.CallbackAPIVersion.VERSION2
    client = CirrusClient(**settings)
    client.max_inflight_messages_set(100)
    client.reconnect_delay_set(1, 1)
    for handler in (on_connect, on_message, on_publish, on_subscribe, on_disconnect, on_log):
        setattr(client, handler.__name__, handler)
    return client


def obey(client, command):
    if command["do"] == "subscribe":
        client.subscribe(command["topic"], command["qos"])
    elif command["do"] == "publish":
        publish(client, command["messages"])
    elif command["do"] == "disconnect":
        client.disconnect()
    else:
        raise ValueError(f"no such command: {command}")


def publish(client, messages):
    for message in messages:
        try:
            client.publish(message["topic"], message["payload"], message["qos"], message.get("retain", False))
        except ValueError as error:
            say("refused", message=str(error))


client = new_client()
if "username" in options:
    client.username_pw_set(options["username"], options["password"])
if "will" in options:
    client.will_set(options["will"]["topic"], options["will"]["payload"], options["will"]["qos"])
handshake = {"token": lambda: next(tokens)} if "tokens" in options else {}
client.connect_url_async(options["url"], **handshake)
client.loop_start()
for line in sys.stdin:
    obey(client, json.loads(line))
client.loop_stop()
