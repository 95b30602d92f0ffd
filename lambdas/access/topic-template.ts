/** Values of one client for the variables of a template. */
export interface TemplateValues {
  readonly clientId: string;
  readonly username?: string;
  readonly claims?: Readonly<Record<string, string>>;
}

export interface FilledTemplate {
  /** Topic filter, with `+` for every level with a variable that has no usable value. */
  readonly filter: string;
  /** True if every variable has a usable value. */
  readonly complete: boolean;
  /** True if the first level is such a `+`. It stands for any value, also for one that begins with `$`. */
  readonly anyFirstLevel: boolean;
}

/** Splits a template into text and names of variables, alternately. The first and the last part are text, and may be empty. */
export function templateParts(template: string): string[] {
  return template.split(/\$\{(clientId|username|claim\.[^{}]+)\}/);
}

export function variablesIn(template: string): string[] {
  return templateParts(template).filter((_part, index) => index % 2 === 1);
}

/**
 * Fills the template of a rule with the values of one client. A value can become a part of one level only: not several levels, not a
 * wildcard, not a leading `$`. A variable or pattern inside a value is not expanded.
 */
export function fillTemplate(template: string, values: TemplateValues): FilledTemplate {
  if (!template.includes('${')) return { filter: template, complete: true, anyFirstLevel: false };
  const filled = templateParts(template).reduce((before, part, index) => {
    if (index % 2 === 0) return before + part;
    const value = variableValue(part, values);
    return before + (value !== undefined && mayFollow(before, value) ? value : missingValue);
  }, '');
  if (!filled.includes(missingValue)) return { filter: filled, complete: true, anyFirstLevel: false };
  const levels = filled.split('/');
  return {
    filter: levels.map((level) => (level.includes(missingValue) ? '+' : level)).join('/'),
    complete: false,
    anyFirstLevel: levels[0]!.includes(missingValue),
  };
}

/** Marks a variable without a usable value; no topic contains this character. */
const missingValue = '\0';

/** A value must not begin the first level with `$`, which would give access to `$SYS`. */
function mayFollow(before: string, value: string): boolean {
  if (value === '' || /[/+#\0]/.test(value)) return false;
  return before.includes('/') || !(before + value).startsWith('$');
}

function variableValue(variable: string, { clientId, username, claims = {} }: TemplateValues): string | undefined {
  if (variable === 'clientId') return clientId;
  if (variable === 'username') return username;
  const claim = variable.slice('claim.'.length);
  return Object.hasOwn(claims, claim) ? claims[claim] : undefined;
}
