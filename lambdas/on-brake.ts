import { connectMetric } from './deployment';
import { type AlarmEvent, metricsOf } from './transport/alarm-event';
import { brakeFromEnvironment } from './wiring/brake-from-env';
import { log } from './wiring/environment';

const { stage, limits } = brakeFromEnvironment(process.env);

/**
 * Invoked by the alarms of the brake. Too many handshakes lower the limit of handshakes, and who is connected goes on; too many frames
 * lower both. Nothing raises them again but an operator.
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
