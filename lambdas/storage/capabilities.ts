import type { ClientCapabilities } from '../protocol/effects';
import { flag, number, readNumber } from './attributes';
import type { Item } from './dynamo';

/** Returns the limits of a client as one small map; no attribute when it has none. */
export function capabilityAttributes(capabilities: ClientCapabilities): Item {
  const { receiveMaximum, maximumPacketSize, topicAliasMaximum, noProblemInformation } = capabilities;
  const M: Item = {
    ...(receiveMaximum === undefined ? {} : { receive: number(receiveMaximum) }),
    ...(maximumPacketSize === undefined ? {} : { size: number(maximumPacketSize) }),
    ...(topicAliasMaximum === undefined ? {} : { aliases: number(topicAliasMaximum) }),
    ...(noProblemInformation ? { terse: flag(true) } : {}),
  };
  return Object.keys(M).length > 0 ? { can: { M } } : {};
}

export function readCapabilities({ can }: Item): ClientCapabilities {
  const { receive, size, aliases, terse } = can?.M ?? {};
  return {
    ...(receive ? { receiveMaximum: readNumber(receive) } : {}),
    ...(size ? { maximumPacketSize: readNumber(size) } : {}),
    ...(aliases ? { topicAliasMaximum: readNumber(aliases) } : {}),
    ...(terse ? { noProblemInformation: true } : {}),
  };
}
