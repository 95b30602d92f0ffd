/** A sensor whose values are a slow wave between mean - swing and mean + swing. */
export interface SensorSpec {
  readonly name: string;
  readonly unit: string;
  readonly mean: number;
  readonly swing: number;
  /** Period of the wave in seconds. */
  readonly period: number;
  /** Highest value without an alarm. */
  readonly limit: number;
}

/** The machines of the factory. */
export const machines: Readonly<Record<string, readonly SensorSpec[]>> = {
  oven: [
    { name: 'temperature', unit: '°C', mean: 180, swing: 25, period: 40, limit: 195 },
    { name: 'humidity', unit: '%', mean: 12, swing: 3, period: 55, limit: 20 },
  ],
  press: [
    { name: 'pressure', unit: 'bar', mean: 210, swing: 18, period: 20, limit: 240 },
    { name: 'vibration', unit: 'mm/s', mean: 2.4, swing: 1.1, period: 75, limit: 3.2 },
  ],
  lathe: [
    { name: 'speed', unit: 'rpm', mean: 2400, swing: 120, period: 30, limit: 2600 },
    { name: 'vibration', unit: 'mm/s', mean: 1.6, swing: 0.5, period: 25, limit: 3 },
  ],
};
