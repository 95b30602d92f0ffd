/** What an operator may set. Each is checked where it is given: at synth for the stack, at start for the local cloud. */
export interface Settings {
  /** Outgoing QoS 1 and 2 messages that may wait for a client while it is offline. */
  readonly queueLimit: number;
  /** Distinct filter shapes (positions of wildcards) in the whole broker; every publish may read one row per shape. */
  readonly maxShapes: number;
  /** Wildcards in one topic filter. */
  readonly maxWildcards: number;
  /** Recipients served inside the publisher's own invocation; a larger audience goes through the fan-out queue. */
  readonly inlineRecipients: number;
}

interface Rule {
  readonly variable: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

export const settingRules: { readonly [Name in keyof Settings]: Rule } = {
  queueLimit: { variable: 'QUEUE_LIMIT', default: 1024, min: 1, max: 16384 },
  maxShapes: { variable: 'MAX_SHAPES', default: 64, min: 1, max: 1024 },
  maxWildcards: { variable: 'MAX_WILDCARDS', default: 8, min: 0, max: 128 },
  inlineRecipients: { variable: 'INLINE_RECIPIENTS', default: 100, min: 1, max: 1000 },
};

/** Checks one setting. Throws an `Error` that names the setting, the value and what is allowed. */
export function checkSetting(name: keyof Settings, value: unknown): number {
  const { min, max } = settingRules[name];
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
  throw new Error(`${name} is ${JSON.stringify(value)}, but must be a whole number from ${min} to ${max}`);
}

/** Settings from environment variables, defaults where a variable is absent. */
export function settingsFromEnvironment(environment: NodeJS.ProcessEnv): Settings {
  const read = (name: keyof Settings) => {
    const value = environment[settingRules[name].variable];
    return value === undefined ? settingRules[name].default : checkSetting(name, value);
  };
  return {
    queueLimit: read('queueLimit'),
    maxShapes: read('maxShapes'),
    maxWildcards: read('maxWildcards'),
    inlineRecipients: read('inlineRecipients'),
  };
}
