"""A sensor with plain paho-mqtt (1.6 or 2), through the adapter on port 1883."""

import argparse
import random
import signal
import sys
import threading

import paho.mqtt.client as mqtt

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("name", help="of the sensor: a level of topics, and the client id")
options.add_argument("--host", default="127.0.0.1", help="of the adapter (default: %(default)s)")
options.add_argument("--port", type=int, default=1883, help="of the adapter (default: %(default)s)")
options.add_argument("--every", type=float, default=5, help="seconds between readings (default: %(default)s)")
args = options.parse_args()
if not args.name or any(character in args.name for character in "/+#"):
    options.error(f'name is "{args.name}", but must not be empty or have /, + or # in it')
if not 0.1 <= args.every <= 3600:
    options.error(f"--every is {args.every}, but must be 0.1 to 3600 seconds")

state = f"sensors/{args.name}/state"
leaving = threading.Event()


def on_connect(client, userdata, flags, reason, properties=None):
    if reason != 0:
        print(f"refused: {reason}", file=sys.stderr)
        leaving.set()
        return
    # After every connect, because the will of the previous connection may have been published.
    client.publish(state, "ALIVE", qos=1, retain=True)
    print(f"{args.name} is ALIVE", flush=True)


def on_disconnect(client, userdata, *reason):
    if not leaving.is_set():
        print("connection lost, trying again; readings are kept", flush=True)


# paho-mqtt 2 needs the version of the callback API; the callbacks above accept both.
version = {"callback_api_version": mqtt.CallbackAPIVersion.VERSION2} if hasattr(mqtt, "CallbackAPIVersion") else {}
client = mqtt.Client(client_id=args.name, clean_session=False, transport="tcp", **version)
client.on_connect = on_connect
client.on_disconnect = on_disconnect
client.will_set(state, "DEAD", qos=1, retain=True)
client.reconnect_delay_set(min_delay=1, max_delay=30)

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: leaving.set())

try:
    client.connect(args.host, args.port, keepalive=540)
except OSError as error:
    sys.exit(f'no connection to {args.host}:{args.port} ({error}): is "npm start" running?')
client.loop_start()  # Starts a thread that sends, receives and reconnects.

temperature = 20.0
while not leaving.wait(args.every):
    temperature += random.uniform(-0.3, 0.3)
    # At QoS 1 paho stores messages while there is no connection.
    client.publish(f"sensors/{args.name}/temperature", f"{temperature:.1f}", qos=1)
    print(f"{temperature:.1f} °C", flush=True)

# DISCONNECT discards the will, so the sensor publishes the state itself.
if client.is_connected():
    client.publish(state, "DEAD", qos=1, retain=True).wait_for_publish(timeout=5)
client.disconnect()
client.loop_stop()
