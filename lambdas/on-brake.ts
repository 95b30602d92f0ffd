import { connectMetric } from './deployment';
import { type AlarmEvent, metricsOf } from './transport/alarm-event';
import { brakeFromEnvironment } from './wiring/brake-from-env';
import { log } from './wiring/environment';

const { stage, limits } = brakeFromEnvironment(process.env);

/**
 * Handles the alarms of the brake. Too many handshakes lower the limit of handshakes only, so connected clients are not affected. Too
 * many frames lower both limits. Only an operator raises them again.
 */
export async function handler(event: AlarmEvent): Promise<void> {
  const { handshakes, frames } = limits;
  const areHandshakes = metricsOf(event).every((name) => name === connectMetric);
  await stage.setLimits(areHandshakes ? { handshakes } : { handshakes, frames });
  log('braked', {
    alarm: event.alarmData.alarmName,
    handshakes: handshakes.rate,
    ...(!areHandshakes && { frames: frames.rate }),
  });
}
