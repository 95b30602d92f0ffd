import type {
  AcknowledgementPacket,
  ClientPacket,
  ConnectPacket,
  PublishPacket,
  QoS,
  ServerPacket,
  SubscribePacket,
  UserProperties,
  Will,
} from '../../lambdas/protocol/packets';
import type { Random } from './random';

/** Generators of the values of a packet; each value may be left out. */
type Recipe = Readonly<Record<string, () => unknown>>;

/** Generates well-formed packets with random fields and properties. */
export class RandomPackets {
  constructor(private readonly random: Random) {}

  fromClient(version: 3 | 4 | 5): ClientPacket {
    const kinds: (() => ClientPacket)[] = [
      () => this.connect(version),
      () => this.publish(version, false),
      () => this.acknowledgement(version),
      () => this.subscribe(version),
      () => ({
        cmd: 'unsubscribe',
        messageId: this.packetId(),
        unsubscriptions: [this.topic(), 'a/+'],
        ...this.people(version),
      }),
      () => ({ cmd: 'pingreq' }),
      () => ({ cmd: 'disconnect', ...this.ending(version, [0x00, 0x04, 0x82]) }),
    ];
    if (version === 5) kinds.push(() => this.auth([0x18, 0x19]));
    return this.random.pick(kinds)();
  }

  fromServer(version: 3 | 4 | 5): ServerPacket {
    const kinds: (() => ServerPacket)[] = [
      () => this.connack(version),
      () => this.publish(version, true),
      () => this.acknowledgement(version),
      () => ({ cmd: 'suback', messageId: this.packetId(), granted: [0, 2, 0x80], ...this.reasons(version) }),
      () => ({ cmd: 'pingresp' }),
    ];
    if (version === 5) {
      kinds.push(() => ({ cmd: 'unsuback', messageId: this.packetId(), granted: [0, 0x11, 0x87], ...this.reasons(5) }));
      kinds.push(() => ({ cmd: 'disconnect', ...this.ending(5, [0x00, 0x8e, 0x95]) }));
      kinds.push(() => this.auth([0x00, 0x18]));
    }
    return this.random.pick(kinds)();
  }

  private connect(version: 3 | 4 | 5): ConnectPacket {
    const username = this.maybe(() => this.text());
    const password = username === undefined ? undefined : this.maybe(() => this.bytes());
    return {
      cmd: 'connect',
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: version,
      clean: true,
      keepalive: this.uint16(),
      clientId: this.text(),
      ...(this.flag() && { will: this.will(version) }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...this.properties(version, {
        sessionExpiryInterval: () => this.uint32(),
        receiveMaximum: () => 1 + this.random.below(65_535),
        maximumPacketSize: () => this.uint32() + 1,
        topicAliasMaximum: () => this.uint16(),
        requestResponseInformation: () => this.flag(),
        requestProblemInformation: () => this.flag(),
        userProperties: () => this.pairs(),
        authenticationMethod: () => 'SCRAM',
      }),
    };
  }

  private will(version: 3 | 4 | 5): Will {
    return {
      topic: this.topic(),
      payload: this.bytes(),
      qos: this.qos(),
      retain: this.flag(),
      ...this.properties(version, { ...this.aboutMessage(), willDelayInterval: () => this.uint32() }),
    };
  }

  private publish(version: 3 | 4 | 5, identifiers: boolean): PublishPacket {
    const qos = this.qos();
    return {
      cmd: 'publish',
      topic: this.topic(),
      payload: this.bytes(),
      qos,
      ...(qos > 0 && { messageId: this.packetId() }),
      dup: qos > 0 && this.flag(),
      retain: this.flag(),
      ...this.properties(version, {
        ...this.aboutMessage(),
        topicAlias: () => 1 + this.random.below(65_535),
        ...(identifiers && { subscriptionIdentifiers: () => this.identifiers() }),
      }),
    };
  }

  private acknowledgement(version: 3 | 4 | 5): AcknowledgementPacket {
    const cmd = this.random.pick(['puback', 'pubrec', 'pubrel', 'pubcomp'] as const);
    const failure = cmd === 'puback' || cmd === 'pubrec' ? 0x87 : 0x92;
    const reason = version === 5 ? { reasonCode: this.random.pick([0, failure]) } : {};
    return { cmd, messageId: this.packetId(), ...reason, ...this.reasons(version) };
  }

  private subscribe(version: 3 | 4 | 5): SubscribePacket {
    const options = () =>
      version === 5 ? { nl: this.flag(), rap: this.flag(), rh: this.random.pick([0, 1, 2] as const) } : {};
    const subscriptions = ['a/+', this.topic()].map((topic) => ({ topic, qos: this.qos(), ...options() }));
    return {
      cmd: 'subscribe',
      messageId: this.packetId(),
      subscriptions,
      ...this.properties(version, {
        subscriptionIdentifier: () => this.identifier(),
        userProperties: () => this.pairs(),
      }),
    };
  }

  private connack(version: 3 | 4 | 5): ServerPacket {
    const sessionPresent = version > 3 && this.flag();
    if (version < 5) return { cmd: 'connack', sessionPresent, returnCode: this.random.below(6) };
    return {
      cmd: 'connack',
      sessionPresent,
      reasonCode: this.random.pick([0x00, 0x84, 0x9f]),
      ...this.properties(version, {
        sessionExpiryInterval: () => this.uint32(),
        receiveMaximum: () => 1 + this.random.below(65_535),
        maximumQoS: () => this.random.pick([0, 1] as const),
        retainAvailable: () => this.flag(),
        maximumPacketSize: () => this.uint32() + 1,
        assignedClientIdentifier: () => this.text(),
        topicAliasMaximum: () => this.uint16(),
        reasonString: () => this.text(),
        userProperties: () => this.pairs(),
        wildcardSubscriptionAvailable: () => this.flag(),
        subscriptionIdentifiersAvailable: () => this.flag(),
        sharedSubscriptionAvailable: () => this.flag(),
        serverKeepAlive: () => this.uint16(),
        responseInformation: () => this.text(),
        serverReference: () => this.text(),
        authenticationMethod: () => 'SCRAM',
        authenticationData: () => this.bytes(),
      }),
    };
  }

  private auth(reasonCodes: number[]): Extract<ClientPacket, { cmd: 'auth' }> {
    const properties = {
      authenticationMethod: 'SCRAM',
      ...this.some({
        authenticationData: () => this.bytes(),
        reasonString: () => this.text(),
        userProperties: () => this.pairs(),
      }),
    };
    return { cmd: 'auth', reasonCode: this.random.pick(reasonCodes), properties };
  }

  private ending(version: 3 | 4 | 5, reasonCodes: number[]) {
    return version === 5 ? { reasonCode: this.random.pick(reasonCodes), ...this.reasons(5) } : {};
  }

  private reasons(version: 3 | 4 | 5) {
    return this.properties(version, { reasonString: () => this.text(), userProperties: () => this.pairs() });
  }

  private people(version: 3 | 4 | 5) {
    return this.properties(version, {
      userProperties: () => this.pairs(),
    });
  }

  private aboutMessage(): Recipe {
    return {
      payloadFormatIndicator: () => this.flag(),
      messageExpiryInterval: () => this.uint32(),
      contentType: () => this.text(),
      responseTopic: () => this.topic(),
      correlationData: () => this.bytes(),
      userProperties: () => this.pairs(),
    };
  }

  /** Returns `never`, which is assignable to the properties of every packet type. */
  private properties(version: number, recipe: Recipe): { readonly properties?: never } {
    const properties = version === 5 ? this.some(recipe) : {};
    return Object.keys(properties).length > 0 ? { properties: properties as never } : {};
  }

  private some(recipe: Recipe): Record<string, unknown> {
    const chosen = Object.entries(recipe).filter(() => this.flag());
    return Object.fromEntries(chosen.map(([name, make]) => [name, make()]));
  }

  private maybe<T>(make: () => T): T | undefined {
    return this.flag() ? make() : undefined;
  }

  private flag(): boolean {
    return this.random.below(2) === 0;
  }

  private qos(): QoS {
    return this.random.pick([0, 1, 2] as const);
  }

  private packetId(): number {
    return 1 + this.random.below(65_535);
  }

  private uint16(): number {
    return this.random.below(65_536);
  }

  private uint32(): number {
    return this.random.below(0xffff_ffff);
  }

  private identifiers(): number[] {
    return Array.from({ length: 1 + this.random.below(3) }, () => this.identifier());
  }

  private identifier(): number {
    return this.random.pick([1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]);
  }

  private text(): string {
    return this.random.pick(['a', 'lamp 7', '\u20ac', '\u{1f4a1}', '\ufeffx', 'x'.repeat(130)]);
  }

  private topic(): string {
    return this.random.pick(['a', 'a/b', '/', '\u20ac/\u{1f4a1}', 'x/'.repeat(70)]);
  }

  private bytes(): Buffer {
    return this.random.bytes(this.random.pick([0, 1, 5, 127, 200]));
  }

  /** Groups pairs with the same name, because mqtt-packet loses the order between names. */
  private pairs(): UserProperties {
    return this.random.pick([
      [['name', 'value']],
      [
        ['name', ''],
        ['\u20ac', this.text()],
      ],
      [
        ['name', 'one'],
        ['name', 'two'],
        ['other', 'three'],
      ],
    ] as const);
  }
}
