import { describe, expect, it } from '@jest/globals';
import { costCommand } from '../../../cli/commands/cost';
import { compareCosts } from '../../../cli/pricing/comparison';
import { run } from '../../clients/support/command-runs';
import { naming } from '../naming';
import { fleet } from '../pricing/fleets';

async function said(line: string): Promise<string> {
  const running = run(costCommand, line.split(' ').filter(Boolean));
  expect(await running.exitCode).toBe(0);
  return running.stdout().toString();
}

describe('cost', () => {
  it('prints the comparison as JSON', async () => {
    const line =
      '--devices 50 --messages-per-day 96 --payload 300 --qos 2 --fanout 3 --keepalive 300 --invocation-ms 20 --json';
    const of = fleet({
      devices: 50,
      messagesPerDay: 96,
      payload: 300,
      qos: 2,
      fanout: 3,
      keepAlive: 300,
      invocationMilliseconds: 20,
    });

    expect(JSON.parse(await said(line))).toEqual(JSON.parse(JSON.stringify(compareCosts(of))));
  });

  it('has defaults for all flags', async () => {
    expect(JSON.parse(await said('--json'))).toMatchObject({ fleet: fleet() });
    expect(JSON.parse(await said('--json --retained'))).toMatchObject({ fleet: fleet({ retained: true }) });
    expect(JSON.parse(await said('--json --burst 10'))).toMatchObject({ fleet: fleet({ burst: 10 }) });
  });

  it('prints three bills, the cost of PINGREQ, the break-even points and the assumptions', async () => {
    const text = await said('--devices 1000 --keepalive 60');
    const { cirrus, iotCore, instance, breakEven } = compareCosts(fleet({ devices: 1_000, keepAlive: 60 }));

    for (const { name } of [cirrus, iotCore, instance].flatMap((bill) => bill?.charges ?? [])) {
      expect(text).toContain(`  ${name} `);
    }
    expect(text).toMatch(
      /^1,000 devices, each publishing 24 messages of 100 bytes a day\nat QoS 1 to 1 subscriber each/,
    );
    expect(text).toMatch(/\n {2}PINGREQ and PINGRESP +\$\d/);
    expect(text).toMatch(new RegExp(`instance .* ${breakEven.instanceFromDevices} devices\n`));
    expect(text).toMatch(/IoT Core at no number of bytes of payload\n/);
    expect(text).toMatch(/invocation .*30 ms/);
  });

  it('notes QoS 2 on IoT Core, and a fleet that is too large for one instance', async () => {
    const text = await said('--devices 30000 --qos 2');

    expect(text).toMatch(/^AWS IoT Core.* QoS 1 .*QoS 2/m);
    expect(text).toContain('too large');
  });

  it('notes that bursts share frames', async () => {
    expect(await said('--burst 10')).toMatch(/10 messages .*frame/);
  });

  it.each([
    ['--devices 0', '--devices 1 1000000 "0"'],
    ['--messages-per-day 86401', '--messages-per-day 0 86400 "86401"'],
    ['--payload 97001', '--payload 0 97000 "97001"'],
    ['--qos 3', '--qos 0 2 "3"'],
    ['--fanout 101', '--fanout 0 100 "101"'],
    ['--fanout 4 --devices 3', '--fanout 3 "4"'],
    ['--keepalive 541', '--keepalive 10 540 "541"'],
    ['--burst 101', '--burst 1 100 "101"'],
    ['--burst 24 --payload 1000', '--burst 23 1000 "24"'],
    ['--burst 2 --payload 30000', '--burst 1 30000 "2"'],
    ['--burst 2 --retained', '--burst --retained'],
    ['--invocation-ms x', '--invocation-ms 1 20000 "x"'],
  ])('refuses %s', async (line, message) => {
    await expect(run(costCommand, line.split(' ')).exitCode).rejects.toThrow(naming(message));
  });
});
