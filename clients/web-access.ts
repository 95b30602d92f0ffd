import { isIP } from 'node:net';

/** Pages of any port of this machine. */
export const loopbackOrigins: readonly string[] = ['http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*'];

/** Whom a server of HTTP or WebSocket answers, apart from what the loopback is called. */
export interface WebAccessRules {
  /** Names under which the server may be addressed, without a port. */
  readonly hosts?: readonly string[];
  /** Whether any IP address is one of its names. A page cannot be made to believe that it comes from an address. */
  readonly anyAddress?: boolean;
  /** Further names, of a certificate for instance. */
  readonly isHost?: (name: string) => boolean;
  /** Pages of other origins that may use it: `https://page.example`, `http://localhost:*` for any port, `null`, or `*` for all. */
  readonly origins?: readonly string[];
}

/** The two headers by which a request of a browser gives away where it comes from. */
export interface WebRequest {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

/**
 * Keeps web pages out that a user of this machine happens to look at. A browser lets every page open WebSockets to, and send
 * forms to, any server that it can reach, but says in `Origin` which page it was. A page whose name is made to point to this
 * machine later on (DNS rebinding) has its own name in `Host`. A request without the headers is from no browser.
 */
export class WebAccess {
  constructor(private readonly rules: WebAccessRules = {}) {}

  /** Why a request is refused; undefined if it is not. */
  problemOf({ host, origin }: WebRequest): string | undefined {
    if (host !== undefined && !this.isAddressedBy(host)) {
      return `this server is not called ${JSON.stringify(host)}; --allow-host gives it a name`;
    }
    if (origin === undefined || isSameOrigin(origin, host) || this.admits(origin)) return undefined;
    return `pages of ${JSON.stringify(origin)} may not use this server; --allow-origin lets them`;
  }

  private isAddressedBy(host: string): boolean {
    const name = nameIn(host);
    if (name === undefined) return false;
    const { hosts = [], anyAddress = false, isHost = () => false } = this.rules;
    const address = name.replace(/^\[|\]$/g, '');
    if (isLoopbackName(address)) return true;
    if (isIP(address) !== 0) return (anyAddress && !/^(0\.0\.0\.0|::)$/.test(address)) || hosts.includes(address);
    return hosts.some((each) => each.toLowerCase() === name) || isHost(name);
  }

  private admits(origin: string): boolean {
    const { origins = [] } = this.rules;
    const given = origin.toLowerCase();
    return origins.some((each) => each === '*' || each === given || each === given.replace(/(:\d+)?$/, ':*'));
  }
}

/** The value of `--allow-origin`, as browsers write it; undefined if no page has such an origin. */
export function originRule(value: string): string | undefined {
  if (value === '*' || value === 'null') return value;
  const [, base = value, anyPort = ''] = /^(.*?)(:\*)$/.exec(value) ?? [];
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#@]*$/i.test(base) || !URL.canParse(base)) return undefined;
  const { protocol, host } = new URL(base);
  return `${protocol}//${host}${anyPort}`.toLowerCase();
}

/** The value of `--allow-host`, as `Host` has it without the port; undefined if it is no name. */
export function hostRule(value: string): string | undefined {
  const address = isIP(value) === 6 ? `[${value}]` : value;
  const name = /^[\w.-]+$|^\[[\da-f:.]+\]$/i.test(address) ? nameIn(address) : undefined;
  return name?.replace(/^\[|\]$/g, '');
}

/** What all names of the loopback have in common: they lead nowhere else. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** Schemes are left out: clients that are no browsers write `https` for a server of plain HTTP. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: own } = new URL(origin);
  return own !== '' && URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === own;
}

function nameIn(host: string): string | undefined {
  if (/[/?#@\\\s]/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/\.$/, '');
}
