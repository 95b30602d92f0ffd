import type { MqttClient } from 'mqtt';
import { connectToBroker, exitWith } from '../connect';
import { machines, type SensorSpec } from './machines';

// A machine is a process, and each of its sensors is an MQTT client. A repaired machine continues at the current point of its waves.
const [, , machine = '', startedAt = Date.now()] = process.argv;
const retained = { qos: 1, retain: true } as const;

class Sensor {
  private readonly topic: string;
  private readonly client: MqttClient;
  private alarmed?: boolean;

  constructor(private readonly spec: SensorSpec) {
    this.topic = `factory/${machine}/${spec.name}`;
    this.client = connectToBroker({
      clientId: `factory-${machine}-${spec.name}`,
      reconnectPeriod: 6_000,
      will: { topic: `${this.topic}/state`, payload: Buffer.from('DEAD'), ...retained },
    });
    this.client.on('connect', () => this.client.publish(`${this.topic}/state`, 'ALIVE', retained));
  }

  measure(seconds: number): void {
    if (!this.client.connected) return; // A late value is useless.
    const { mean, swing, period, unit } = this.spec;
    const value = mean + swing * (Math.sin((2 * Math.PI * seconds) / period) + (Math.random() - 0.5) / 10);
    const shown = `${value.toPrecision(value < 1000 ? 3 : 4)} ${unit}`;
    this.client.publish(`${this.topic}/value`, shown, { qos: 0 });
    this.raiseOrClear(value, shown);
  }

  /** Publishes only changes. An empty retained message clears the alarm. */
  private raiseOrClear(value: number, shown: string): void {
    const alarm = value > this.spec.limit;
    if (alarm === this.alarmed) return;
    this.alarmed = alarm;
    this.client.publish(`${this.topic}/alarm`, alarm ? `${shown}, above ${this.spec.limit}` : '', retained);
  }

  /** Simulates a cut cable: without DISCONNECT the broker publishes the will. */
  cut(): void {
    this.client.stream.destroy();
  }
}

const specs = machines[machine];
if (specs === undefined) exitWith(`no machine "${machine}"; there are ${Object.keys(machines).join(', ')}`);
const sensors = new Map(specs.map((spec) => [spec.name, new Sensor(spec)]));

setInterval(() => {
  for (const sensor of sensors.values()) sensor.measure((Date.now() - Number(startedAt)) / 1_000);
}, 1_000);

process.on('message', (name: string) => sensors.get(name)?.cut());
process.once('disconnect', () => process.exit(0)); // The factory has ended.
