import { once } from 'node:events';
import type { Adapter } from '../../clients/adapter';
import type { Cloud } from '../../local/cloud';
import { type CommandLine, localFlags, parseCommandLine } from '../../local/command-line';
import { needSources } from '../../local/sources';
import type { Command, Terminal } from '../command';
import { nearestName } from '../nearest-name';

const host = '127.0.0.1';

const help = `usage: cirrus-mqtt local [options]

Runs the broker and the adapter on this machine until Ctrl-C, in a local cloud that imitates AWS with its limits,
failures and prices; same as "npm start". Builds the functions from their sources, so it needs a checkout of the
project after "npm ci": the packed program does not contain the sources.

  --port N           port of the gateway, the bill, the API and the console, 0 for a free port; default 8080
  --mqtt-port N      port of the adapter for MQTT over TCP; default 1883
  --mqtt-ws-port N   port of the adapter for binary MQTT over WebSocket; default 8083
  --containers N     concurrent containers of each function, 1 to 100; default 2
  --data FOLDER      keep all data in this folder over a restart
  --dynamodb URL     use this DynamoDB instead of the embedded one
  --dynamodb-latency N  milliseconds added to each DynamoDB call; default 0
  --access FILE      access configuration; default: every client may do everything
  --bridge FILE      bridge configuration; a local broker stands in for AWS IoT Core
  --iot-port N       port of that broker; default 1884
  --events FILE      events configuration: lifecycle events for EventBridge
  --allow-origin O   accept web pages of this origin, for example https://page.example; repeatable. The console and
                     pages of this machine that connect to the gateway do not need it
  --allow-host NAME  additional host name besides localhost and 127.0.0.1; repeatable
  --verbose          print the logs of the functions
`;

/** `cirrus-mqtt local`: runs broker and adapter on this machine until it is interrupted. */
export const localCommand: Command = {
  help,
  flags: localFlags,
  async run(args, terminal) {
    const commandLine = readCommandLine(args);
    needSources();
    try {
      await runUntilInterrupted(commandLine, terminal);
      return 0;
    } catch (error) {
      throw readableError(error);
    }
  },
};

function readCommandLine(args: string[]): CommandLine {
  try {
    return parseCommandLine(args);
  } catch (error) {
    const { message } = error as Error;
    const [, unknown = ''] = /^--(\S+) is not an option/.exec(message) ?? [];
    const suggestion = nearestName(unknown, Object.keys(localFlags));
    throw new Error(suggestion ? message.replace('an option', `an option (did you mean --${suggestion}?)`) : message);
  }
}

/** Imports the local cloud on first use: the packed program does not contain its packages. */
async function runUntilInterrupted(commandLine: CommandLine, { stdout, interrupted }: Terminal): Promise<void> {
  const { startCloud } = await import('../../local/cloud');
  const verbose = commandLine.cloud.verbose || process.env.LOG === '1';
  const { builtConsole } = await import('../../console/build');
  const cloud = await startCloud({ ...commandLine.cloud, verbose, console: builtConsole() });
  try {
    const adapter = await startLocalAdapter(cloud, commandLine);
    stdout.write(await describeCloud(cloud, adapter, commandLine));
    if (!interrupted.aborted) await once(interrupted, 'abort');
    await adapter.close();
  } finally {
    await cloud.stop();
  }
}

async function startLocalAdapter(cloud: Cloud, commandLine: CommandLine): Promise<Adapter> {
  const { mqttPort, mqttWebSocketPort } = commandLine;
  const { allowOrigins = [], allowHosts } = commandLine.cloud;
  const { startAdapter } = await import('../../clients/adapter');
  const { loopbackOrigins } = await import('../../clients/web-access');
  return startAdapter({
    allowOrigins: [...loopbackOrigins, ...allowOrigins],
    allowHosts,
    url: cloud.gatewayUrl,
    listen: { host, port: mqttPort },
    listenWebSocket: { host, port: mqttWebSocketPort },
  });
}

async function describeCloud(
  cloud: Cloud,
  { port, webSocketPort }: Adapter,
  { accessFile }: CommandLine,
): Promise<string> {
  const { describeAccess } = await import('../../local/describe-access');
  const login = cloud.access.anonymous === 'off' ? ' -u NAME -P PASSWORD' : '';
  const ports = `mqtt=mqtt://${host}:${port} ws=ws://${host}:${webSocketPort}/mqtt`;
  const iot = cloud.iotUrl === undefined ? '' : ` iot=${cloud.iotUrl}`;
  return `Stock MQTT clients connect to port ${port} (TCP) or ${webSocketPort} (WebSocket). For example:

  mosquitto_sub -h ${host} -p ${port}${login} -v -t 'hello/#'
  mosquitto_pub -h ${host} -p ${port}${login} -q 1 -r -t hello/world -m 'it works'

The console: ${consoleUrl(cloud)}
Cost on AWS so far: curl ${cloud.billUrl}
The API for backends: curl --aws-sigv4 aws:amz:us-east-1:execute-api --user local:local ${cloud.apiUrl}/clients
${describeIot(cloud)}${describeAccess(cloud.access, accessFile)}

ready gateway=${cloud.gatewayUrl} ${ports} bill=${cloud.billUrl}${iot} console=${consoleUrl(cloud)}
`;
}

function consoleUrl({ port }: Cloud): string {
  return `http://${host}:${port}/`;
}

function describeIot({ iotUrl }: Cloud): string {
  return iotUrl === undefined ? '' : `Local broker in place of AWS IoT Core, MQTT 3.1.1: ${iotUrl}\n`;
}

/** Reduces an error to a message that a user can act on. `LOG=1` keeps the stack trace. */
function readableError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if ('code' in error && error.code === 'EADDRINUSE') {
    return new Error(
      `port ${(error as Error & { port?: number }).port} is in use; choose another with --port, --mqtt-port, --mqtt-ws-port or --iot-port`,
    );
  }
  return process.env.LOG === '1' && error.stack ? new Error(error.stack) : error;
}
