import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readAccess } from '../../lambdas/access/read-access';
import { parseCommandLine } from '../../local/command-line';

describe('the command line of the local cloud', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cirrus-start-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('has the well-known ports by default', () => {
    expect(parseCommandLine([])).toEqual({
      cloud: { port: 8080, containers: 2, data: undefined, dynamodb: undefined, dynamodbLatency: 0, verbose: false },
      mqttPort: 1883,
      mqttWebSocketPort: 8083,
    });
  });

  it('takes values after a space or an equals sign', () => {
    const words =
      '--port 1 --mqtt-port=2 --mqtt-ws-port 3 --data dir --dynamodb http://db:8000 --dynamodb-latency 4 --containers=4 --verbose';
    expect(parseCommandLine(words.split(' '))).toEqual({
      cloud: { port: 1, containers: 4, data: 'dir', dynamodb: 'http://db:8000', dynamodbLatency: 4, verbose: true },
      mqttPort: 2,
      mqttWebSocketPort: 3,
    });
  });

  it('reads the access configuration from a file', () => {
    const file = join(folder, 'access.json');
    writeFileSync(file, '{"anonymous":"by-rules"}');

    expect(parseCommandLine(['--access', file])).toMatchObject({
      cloud: { access: readAccess({ anonymous: 'by-rules' }) },
      accessFile: file,
    });
  });

  it('reads what crosses to AWS IoT Core from a file, and where that listens', () => {
    const file = join(folder, 'bridge.json');
    writeFileSync(file, '{"entries":[{"direction":"out","filter":"a/#"}]}');

    expect(parseCommandLine(['--bridge', file, '--iot-port', '0']).cloud).toMatchObject({
      bridge: { entries: [{ direction: 'out', filter: 'a/#', qos: 1 }] },
      iotPort: 0,
    });
  });

  it('names the error in that file', () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, '{"anonymous":"sure"}');

    expect(() => parseCommandLine([`--access=${file}`])).toThrow(
      `${file}.anonymous is "sure", but must be one of off,`,
    );
    expect(() => parseCommandLine(['--access=/nowhere'])).toThrow('/nowhere cannot be read: ENOENT');
  });

  it.each([
    ['--prot 80', '--prot is not an option; allowed are --port, --mqtt-port'],
    ['stray', 'stray is not an option'],
    ['--port', '--port needs a value'],
    ['--port 80a', '--port is "80a", but must be a whole number from 0 to 65535'],
    ['--mqtt-port 65536', '--mqtt-port is "65536", but must be'],
    ['--containers 0', '--containers is "0", but must be a whole number from 1 to 100'],
    ['--dynamodb localhost', '--dynamodb is "localhost", but must be an http:// or https:// address'],
    ['--data --verbose', '--data is "--verbose", but must be a folder'],
    ['--access --verbose', '--access is "--verbose", but must be a file'],
  ])('refuses %s', (line, message) => {
    expect(() => parseCommandLine(line.split(' '))).toThrow(message);
  });
});
