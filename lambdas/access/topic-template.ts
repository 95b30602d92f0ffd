/** Values of one client for the variables of a template. */
export interface TemplateValues {
  readonly clientId: string;
  readonly username?: string;
  readonly claims?: Readonly<Record<string, string>>;
}

export interface FilledTemplate {
  /** With `+` for every level in which a variable has no value that may stand there. */
  readonly filter: string;
  /** Every variable has a value. */
  readonly complete: boolean;
  /** The first level is such a `+`. It stands for anything at all, also for what begins with `$`. */
  readonly anyFirstLevel: boolean;
}

/** Text and names of variables by turns; text comes first and last, and may be empty. */
export function templateParts(template: string): string[] {
  return template.split(/\$\{(clientId|username|claim\.[^{}]+)\}/);
}

/**
 * A topic of a rule for one client. What a client says of itself fills a part of one level and never does more: not another
 * level, not a wildcard, not a leading `$`. A value is inserted as it stands, whatever variables or patterns it spells.
 */
export function fillTemplate(template: string, values: TemplateValues): FilledTemplate {
  if (!template.includes('${')) return { filter: template, complete: true, anyFirstLevel: false };
  const filled = templateParts(template).reduce((before, part, index) => {
    if (index % 2 === 0) return before + part;
    const value = lookUp(part, values);
    return before + (value !== undefined && mayFollow(before, value) ? value : gap);
  }, '');
  if (!filled.includes(gap)) return { filter: filled, complete: true, anyFirstLevel: false };
  const levels = filled.split('/');
  return {
    filter: levels.map((level) => (level.includes(gap) ? '+' : level)).join('/'),
    complete: false,
    anyFirstLevel: levels[0]!.includes(gap),
  };
}

/** In the place of a value that cannot be used; no topic has this character. */
const gap = '\0';

function mayFollow(before: string, value: string): boolean {
  if (value === '' || /[/+#\0]/.test(value)) return false;
  return before.includes('/') || !(before + value).startsWith('$'); // no way into `$SYS`
}

function lookUp(variable: string, { clientId, username, claims = {} }: TemplateValues): string | undefined {
  if (variable === 'clientId') return clientId;
  if (variable === 'username') return username;
  const claim = variable.slice('claim.'.length);
  return Object.hasOwn(claims, claim) ? claims[claim] : undefined;
}
