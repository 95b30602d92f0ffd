import { once } from 'node:events';
import type { Adapter } from '../../clients/adapter';
import type { Cloud } from '../../local/cloud';
import { type CommandLine, localFlags, parseCommandLine } from '../../local/command-line';
import { needSources } from '../../local/sources';
import type { Command, Terminal } from '../command';
import { nearest } from '../nearest-name';

const host = '127.0.0.1';

const help = `usage: cirrus-mqtt local [options]

Runs the broker and the adapter on this machine until Ctrl-C, in a cloud that imitates AWS with its limits, failures and
prices; "npm start" is the same. It builds the functions from their sources, so it needs a checkout of the project in
which "npm ci" was run: the packed program alone does not have them.

  --port N           of the gateway, the bill and the API, 0 for a free one; 8080
  --mqtt-port N      of the adapter, MQTT over TCP; 1883
  --mqtt-ws-port N   of the adapter, binary MQTT over WebSocket; 8083
  --containers N     Lambdas of a function side by side, from 1 to 100; 2
  --data FOLDER      keeps everything over a restart
  --dynamodb URL     another DynamoDB than the embedded one
  --dynamodb-latency N  milliseconds that each DynamoDB call takes longer; 0
  --access FILE      who may connect, and what each may do; anybody everything unless told
  --bridge FILE      what crosses to AWS IoT Core, for which a broker stands in
  --iot-port N       of that; 1884
  --events FILE      what EventBridge is told
  --allow-origin O   lets pages of an origin use it, as https://page.example; again for each further one. The console
                     needs it not, nor pages of this machine that connect to the gateway
  --allow-host NAME  what it is called besides localhost and 127.0.0.1; again for each further name
  --verbose          show what the functions log
`;

/** `cirrus-mqtt local`: broker and adapter on this machine, until interrupted. */
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
      throw explained(error);
    }
  },
};

function readCommandLine(args: string[]): CommandLine {
  try {
    return parseCommandLine(args);
  } catch (error) {
    const { message } = error as Error;
    const [, unknown = ''] = /^--(\S+) is not an option/.exec(message) ?? [];
    const meant = nearest(unknown, Object.keys(localFlags));
    throw new Error(meant ? message.replace('an option', `an option, the nearest is --${meant}`) : message);
  }
}

/** Loaded late: the packages of the cloud are not where the packed program is. */
async function runUntilInterrupted(commandLine: CommandLine, { stdout, interrupted }: Terminal): Promise<void> {
  const { startCloud } = await import('../../local/cloud');
  const verbose = commandLine.cloud.verbose || process.env.LOG === '1';
  const { builtConsole } = await import('../../console/build');
  const cloud = await startCloud({ ...commandLine.cloud, verbose, console: builtConsole() });
  try {
    const adapter = await listen(cloud, commandLine);
    stdout.write(await announcement(cloud, adapter, commandLine));
    if (!interrupted.aborted) await once(interrupted, 'abort');
    await adapter.close();
  } finally {
    await cloud.stop();
  }
}

async function listen(cloud: Cloud, commandLine: CommandLine): Promise<Adapter> {
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

async function announcement(
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
What it would have cost on AWS: curl ${cloud.billUrl}
The API for backends: curl --aws-sigv4 aws:amz:us-east-1:execute-api --user local:local ${cloud.apiUrl}/clients
${describeIot(cloud)}${describeAccess(cloud.access, accessFile)}

ready gateway=${cloud.gatewayUrl} ${ports} bill=${cloud.billUrl}${iot} console=${consoleUrl(cloud)}
`;
}

function consoleUrl({ port }: Cloud): string {
  return `http://${host}:${port}/`;
}

function describeIot({ iotUrl }: Cloud): string {
  return iotUrl === undefined ? '' : `In place of AWS IoT Core a broker for MQTT 3.1.1 listens at ${iotUrl}\n`;
}

/** One line a person can act on; `LOG=1` adds where it comes from. */
function explained(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if ('code' in error && error.code === 'EADDRINUSE') {
    return new Error(
      `port ${(error as Error & { port?: number }).port} is taken; choose another with --port, --mqtt-port, --mqtt-ws-port or --iot-port`,
    );
  }
  return process.env.LOG === '1' && error.stack ? new Error(error.stack) : error;
}
