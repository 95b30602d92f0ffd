import { describe, expect, it } from '@jest/globals';
import { parseCommandLine } from '../../local/command-line';

describe('the command line', () => {
  it('has the well-known ports by default', () => {
    expect(parseCommandLine([])).toEqual({
      cloud: { port: 8080, containers: 2, data: undefined, dynamodb: undefined, verbose: false },
      mqttPort: 1883,
      mqttWebSocketPort: 8083,
    });
  });

  it('takes values after a space or an equals sign', () => {
    const words =
      '--port 1 --mqtt-port=2 --mqtt-ws-port 3 --data dir --dynamodb http://db:8000 --containers=4 --verbose';
    expect(parseCommandLine(words.split(' '))).toEqual({
      cloud: { port: 1, containers: 4, data: 'dir', dynamodb: 'http://db:8000', verbose: true },
      mqttPort: 2,
      mqttWebSocketPort: 3,
    });
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
  ])('refuses %s', (line, message) => {
    expect(() => parseCommandLine(line.split(' '))).toThrow(message);
  });
});
