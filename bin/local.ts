import { type Adapter, startAdapter } from '../clients/adapter';
import { builtConsole } from '../console/build';
import { type Cloud, startCloud } from '../local/cloud';
import { type CommandLine, parseCommandLine } from '../local/command-line';
import { describeAccess } from '../local/describe-access';

const host = '127.0.0.1';

/** Broker and adapter on this machine, until Ctrl-C. */
async function main(): Promise<void> {
  const commandLine = parseCommandLine(process.argv.slice(2));
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
  const verbose = commandLine.cloud.verbose || process.env.LOG === '1';
  const cloud = await startCloud({ ...commandLine.cloud, verbose, console: builtConsole() });
  try {
    const adapter = await listen(cloud, commandLine);
    announce(cloud, adapter, commandLine);
    await interrupted;
    await adapter.close();
  } finally {
    await cloud.stop();
  }
}

function listen(cloud: Cloud, { mqttPort, mqttWebSocketPort }: CommandLine): Promise<Adapter> {
  return startAdapter({
    url: cloud.gatewayUrl,
    listen: { host, port: mqttPort },
    listenWebSocket: { host, port: mqttWebSocketPort },
  });
}

function announce(cloud: Cloud, { port, webSocketPort }: Adapter, { accessFile }: CommandLine): void {
  const login = cloud.access.anonymous === 'off' ? ' -u NAME -P PASSWORD' : '';
  console.log(`Stock MQTT clients connect to port ${port} (TCP) or ${webSocketPort} (WebSocket). For example:

  mosquitto_sub -h ${host} -p ${port}${login} -v -t 'hello/#'
  mosquitto_pub -h ${host} -p ${port}${login} -q 1 -r -t hello/world -m 'it works'

The console: ${consoleUrl(cloud)}
What it would have cost on AWS: curl ${cloud.billUrl}
The API for backends: curl --aws-sigv4 aws:amz:us-east-1:execute-api --user local:local ${cloud.apiUrl}/clients
${describeIot(cloud)}${describeAccess(cloud.access, accessFile)}
`);
  const ports = `mqtt=mqtt://${host}:${port} ws=ws://${host}:${webSocketPort}/mqtt`;
  const iot = cloud.iotUrl === undefined ? '' : ` iot=${cloud.iotUrl}`;
  console.log(`ready gateway=${cloud.gatewayUrl} ${ports} bill=${cloud.billUrl}${iot} console=${consoleUrl(cloud)}`);
}

function consoleUrl({ port }: Cloud): string {
  return `http://${host}:${port}/`;
}

function describeIot({ iotUrl }: Cloud): string {
  return iotUrl === undefined ? '' : `In place of AWS IoT Core a broker for MQTT 3.1.1 listens at ${iotUrl}\n`;
}

/** One line a person can act on; `LOG=1` adds where it comes from. */
function explain(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `port ${(error as Error & { port?: number }).port} is taken; choose another with --port, --mqtt-port, --mqtt-ws-port or --iot-port`;
  }
  if (!(error instanceof Error)) return String(error);
  return process.env.LOG === '1' ? (error.stack ?? error.message) : error.message;
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(explain(error));
    process.exit(1);
  },
);
