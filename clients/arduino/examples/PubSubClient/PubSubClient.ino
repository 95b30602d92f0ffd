// An ESP32 that tells how long it has been running. It wants the libraries PubSubClient by Nick O'Leary and
// WebSockets by Markus Sattler.
#include <CirrusClient.h>
#include <CirrusWebSockets.h>
#include <PubSubClient.h>
#include <WiFi.h>

static const char *const host = "abc123.execute-api.eu-west-1.amazonaws.com";

// Paste the certificate of Amazon Root CA 1 here, from https://www.amazontrust.com/repository/.
static const char amazonRoot[] = R"(-----BEGIN CERTIFICATE-----
-----END CERTIFICATE-----
)";

WebSocketsClient webSocket;
CirrusWebSockets cirrusSocket(webSocket, [](WebSocketsClient &socket, const char *name, uint16_t port) {
  socket.beginSslWithCA(name, port, "/mqtt", amazonRoot, "mqtt");
});
CirrusClient<> transport(cirrusSocket);
PubSubClient mqtt(transport);

void setup() {
  WiFi.begin("network", "password");
  while (WiFi.status() != WL_CONNECTED) delay(100);
  configTime(0, 0, "pool.ntp.org");  // A certificate can be checked only by those who know the date.
  mqtt.setServer(host, 443);
  mqtt.setKeepAlive(540);
  mqtt.setBufferSize(1024);
}

void loop() {
  static unsigned long told = 0;
  if (!mqtt.connected() && !mqtt.connect("esp32-1", "kitchen", "sesame", nullptr, 0, false, nullptr, false)) {
    delay(5000);
    return;
  }
  mqtt.loop();
  if (millis() - told < 60000) return;
  told = millis();
  mqtt.publish("home/esp32-1/uptime", String(told / 1000).c_str());
}
