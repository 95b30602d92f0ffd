import { describe, expect, it } from '@jest/globals';
import { disconnectTemplate, frameTemplate } from '../../lib/packet-template';

const context = {
  connectionId: 'JC1dgf9yoAMCK-g=',
  requestId: 'JC1f+HVsoAM/Fow=',
  connectedAt: '1790000000000',
  requestTimeEpoch: '1790000000123',
  'identity.sourceIp': '2001:db8::1',
};

describe('the message that the gateway sends for a frame', () => {
  const message = render(frameTemplate, '12.MAYAA2EvYisv/w==');

  it('has the connection id as message group, which keeps the order of frames', () => {
    expect(message.get('Action')).toBe('SendMessage');
    expect(message.get('MessageGroupId')).toBe('JC1dgf9yoAMCK-g=');
  });

  it('is a duplicate only of the same request', () => {
    expect(message.get('MessageDeduplicationId')).toBe('JC1f+HVsoAM/Fow=');
  });

  it('has the unchanged frame as body, with every character of base64', () => {
    expect(message.get('MessageBody')).toBe('12.MAYAA2EvYisv/w==');
  });

  it('has attributes for event, times and address', () => {
    const times = { connectedAt: '1790000000000', receivedAt: '1790000000123' };

    expect(attributesOf(message)).toEqual({ event: 'message', ...times, address: '2001:db8::1' });
  });

  it('has the same group and event for any content of a frame', () => {
    const body = 'x&MessageGroupId=another&MessageAttribute.1.Value.StringValue=disconnect';
    const forged = render(frameTemplate, body);

    expect(forged.getAll('MessageGroupId')).toEqual(['JC1dgf9yoAMCK-g=']);
    expect(forged.getAll('MessageAttribute.1.Value.StringValue')).toEqual(['message']);
    expect(forged.get('MessageBody')).toBe(body);
  });
});

describe('the message that the gateway sends for a disconnect', () => {
  const message = render(disconnectTemplate, '');

  it('is in the message group of its connection', () => {
    expect(message.get('MessageGroupId')).toBe('JC1dgf9yoAMCK-g=');
    expect(attributesOf(message).event).toBe('disconnect');
  });

  it('has a body, which SQS requires', () => {
    expect(message.get('MessageBody')).toBe('disconnect');
  });
});

/** Renders a template as API Gateway does, and parses the form as SQS does. */
function render(template: string, body: string): URLSearchParams {
  const variables = Object.entries(context).map(([name, value]) => [`context.${name}`, value]);
  const values: Record<string, string> = { ...Object.fromEntries(variables), 'input.body': body };
  const rendered = template
    .replace(/\$util\.urlEncode\(\$([\w.]+)\)/g, (_, name) => encodeURIComponent(values[name]!))
    .replace(/\$([\w.]+)/g, (_, name) => values[name]!);
  return new URLSearchParams(rendered);
}

function attributesOf(message: URLSearchParams): Record<string, string> {
  const names = [...message.entries()].filter(([key]) => key.endsWith('.Name'));
  return Object.fromEntries(
    names.map(([key, name]) => [name, message.get(key.replace('.Name', '.Value.StringValue'))!]),
  );
}
