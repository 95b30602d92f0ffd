# The adapter in a container of its own: npm run build, then
#   docker build -f clients/adapter.Dockerfile -t cirrus-mqtt-adapter .
# It needs no file system to write to, no capability and no root:
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -p 1883:1883 cirrus-mqtt-adapter wss://...
FROM node:24-alpine

ENV NODE_ENV=production
COPY --chmod=0555 dist/cirrus-mqtt.js /usr/local/lib/cirrus-mqtt.js
USER node
EXPOSE 1883 9464

HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
  CMD ["wget", "--quiet", "--tries=1", "--output-document=-", "http://127.0.0.1:9464/healthz"]

# The arguments of the container follow these: the address of the gateway first.
ENTRYPOINT ["node", "/usr/local/lib/cirrus-mqtt.js", "adapter", "--listen", "0.0.0.0:1883", "--metrics", "127.0.0.1:9464", "--log", "json"]
