import mqtt from 'mqtt';
import { createWebsocket } from '../../../clients/mqttjs';
import { SensorRow } from './sensor-row';

const connection = element('connection');
const alarms = element('alarms');
const floor = element('machines');
const rows = new Map<string, SensorRow>();

async function main(): Promise<void> {
  const { url } = await (await fetch('/broker.json')).json();
  const client = mqtt.connect(url, {
    createWebsocket,
    protocolVersion: 5,
    keepalive: 540,
    reconnectPeriod: 2_000,
    timerVariant: 'native', // The default creates a worker from a blob, which the Content-Security-Policy forbids.
  });

  // After every connect the retained messages arrive again; an alarm that was cleared meanwhile does not.
  client.on('connect', () => {
    alarms.replaceChildren();
    client.subscribe({
      'factory/+/+/state': { qos: 1 },
      'factory/+/+/alarm': { qos: 1 },
      'factory/+/+/value': { qos: 0 },
    });
    showStatus('live');
  });
  client.on('close', () => showStatus('connection lost, trying again'));
  client.on('error', ({ message }) => showStatus(message));
  client.on('message', (topic, payload) => handle(topic, payload.toString()));
}

function handle(topic: string, text: string): void {
  const [, machine = '', sensor = '', kind] = topic.split('/');
  if (kind === 'alarm') showAlarm(machine, sensor, text);
  if (kind === 'state') rowOf(machine, sensor).showState(text);
  if (kind === 'value') rowOf(machine, sensor).showValue(text);
}

/** Shows an alarm; an empty text clears it. */
function showAlarm(machine: string, sensor: string, text: string): void {
  const id = `alarm ${machine}/${sensor}`;
  document.getElementById(id)?.remove();
  if (text === '') return;
  const item = document.createElement('li');
  item.id = id;
  item.textContent = `${machine} ${sensor}: ${text}`;
  alarms.append(item);
}

function rowOf(machine: string, sensor: string): SensorRow {
  const key = `${machine}/${sensor}`;
  const row = rows.get(key) ?? new SensorRow(sensor, cardOf(machine));
  rows.set(key, row);
  return row;
}

/** The list of a machine's sensors, in a card; cards are sorted by name. */
function cardOf(machine: string): HTMLElement {
  const id = `machine ${machine}`;
  const known = document.getElementById(id);
  if (known !== null) return known;
  const card = document.createElement('article');
  const title = document.createElement('h2');
  const list = document.createElement('ul');
  title.textContent = machine;
  list.id = id;
  card.append(title, list);
  const next = [...floor.children].find((other) => (other.firstChild?.textContent ?? '') > machine);
  floor.insertBefore(card, next ?? null);
  return list;
}

function showStatus(status: string): void {
  connection.textContent = status;
  document.body.classList.toggle('stale', status !== 'live');
}

function element(id: string): HTMLElement {
  return document.getElementById(id)!;
}

main().catch((error: Error) => showStatus(error.message));
