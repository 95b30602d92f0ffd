import type { Message, MessageProperties } from '../model/message-log';
import { cutText, decodeText, formatHex } from '../model/payload';
import { PayloadView } from './payload-view';
import { formatTime } from './time-of';

interface MessageDetailsProps {
  readonly message: Message;
  readonly onRespond: (topic: string, correlationData?: Uint8Array) => void;
  readonly onClose: () => void;
}

/** Maximum displayed characters of a topic or a property. */
const maxValueCharacters = 1000;
/** Maximum displayed properties of a message. */
const maxProperties = 100;

/** Topic, flags, payload and properties of one message. */
export function MessageDetails({ message, onRespond, onClose }: MessageDetailsProps) {
  const { topic, qos, retain, dup, properties } = message;
  const { responseTopic, correlationData } = properties;
  return (
    <section class="details" aria-label="Message">
      <header>
        <h3 class={`topic colour-${message.colour}`}>{cutText(topic, maxValueCharacters)}</h3>
        <button type="button" class="small" onClick={() => onRespond(topic)}>
          Publish here
        </button>
        {responseTopic !== undefined && (
          <button type="button" class="small" onClick={() => onRespond(responseTopic, correlationData)}>
            Respond
          </button>
        )}
        <button type="button" class="small" aria-label="Close the message" onClick={onClose}>
          ✕
        </button>
      </header>
      <p class="line">
        <span class="muted number">{formatTime(message.receivedAt)}</span>
        <span class="badge">QoS {qos}</span>
        {retain && <span class="badge retain">retained</span>}
        {dup && <span class="badge">dup</span>}
      </p>
      <PayloadView key={message.number} payload={message.payload} />
      <Properties properties={properties} />
    </section>
  );
}

function Properties({ properties }: { readonly properties: MessageProperties }) {
  const rows = rowsOf(properties);
  if (rows.length === 0) return null;
  return (
    <table class="plain-table">
      <caption class="unseen">Properties</caption>
      <tbody>
        {rows.slice(0, maxProperties).map(([name, value], index) => (
          <tr key={index}>
            <th scope="row">{cutText(name, maxValueCharacters)}</th>
            <td>{cutText(value, maxValueCharacters)}</td>
          </tr>
        ))}
        {rows.length > maxProperties && (
          <tr>
            <th scope="row" />
            <td>{(rows.length - maxProperties).toLocaleString('en')} more</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function rowsOf(properties: MessageProperties): [string, string][] {
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic, correlationData } = properties;
  const { userProperties = {}, subscriptionIdentifier } = properties;
  const known: [string, string | undefined][] = [
    ['Payload format', payloadFormatIndicator === undefined ? undefined : payloadFormatIndicator ? 'UTF-8' : 'bytes'],
    ['Expires in', messageExpiryInterval === undefined ? undefined : `${messageExpiryInterval} s`],
    ['Content type', contentType],
    ['Response topic', responseTopic],
    ['Correlation data', correlationData && (decodeText(correlationData) ?? formatHex(correlationData))],
    ['Subscription id', subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier].flat().join(', ')],
  ];
  const given = known.filter((row): row is [string, string] => row[1] !== undefined);
  const own = Object.entries(userProperties).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [`“${name}”`, value]),
  );
  return [...given, ...own];
}
