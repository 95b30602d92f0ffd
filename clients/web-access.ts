import { isIP } from 'node:net';

/** Origins of web pages on any port of this machine. */
export const loopbackOrigins: readonly string[] = ['http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*'];

/** Rules for a server of HTTP or WebSocket. Loopback names are always allowed. */
export interface WebAccessRules {
  /** Host names of the server, without a port. */
  readonly hosts?: readonly string[];
  /** True if clients may use any IP address of the server. DNS rebinding works with names only. */
  readonly anyAddress?: boolean;
  /** Checks further names, for example those of a certificate. */
  readonly isHost?: (name: string) => boolean;
  /** Other origins of allowed pages: `https://page.example`, `http://localhost:*` for any port, `null`, or `*` for all. */
  readonly origins?: readonly string[];
}

/** The headers of a request in which a browser names its page. */
export interface WebRequest {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

/**
 * Protects a local server from web pages that a user of this machine visits. A browser lets every page open WebSockets and send
 * forms to any reachable server, but names the page in `Origin`. A page that makes its name resolve to this machine (DNS
 * rebinding) has that name in `Host`. A request without these headers does not come from a browser.
 */
export class WebAccess {
  constructor(private readonly rules: WebAccessRules = {}) {}

  /** The reason to refuse a request; undefined if it is allowed. */
  problemOf({ host, origin }: WebRequest): string | undefined {
    if (host !== undefined && !this.hasName(host)) {
      return `this server is not called ${JSON.stringify(host)}; --allow-host gives it a name`;
    }
    if (origin === undefined || isSameOrigin(origin, host) || this.allows(origin)) return undefined;
    return `pages of ${JSON.stringify(origin)} may not use this server; --allow-origin lets them`;
  }

  private hasName(host: string): boolean {
    const name = nameIn(host);
    if (name === undefined) return false;
    const { hosts = [], anyAddress = false, isHost = () => false } = this.rules;
    const address = name.replace(/^\[|\]$/g, '');
    if (isLoopbackName(address)) return true;
    if (isIP(address) !== 0) return (anyAddress && !/^(0\.0\.0\.0|::)$/.test(address)) || hosts.includes(address);
    return hosts.some((each) => each.toLowerCase() === name) || isHost(name);
  }

  private allows(origin: string): boolean {
    const { origins = [] } = this.rules;
    const given = origin.toLowerCase();
    return origins.some((each) => each === '*' || each === given || each === given.replace(/(:\d+)?$/, ':*'));
  }
}

/** The value of `--allow-origin` in the form of browsers; undefined if it is no origin. */
export function originRule(value: string): string | undefined {
  if (value === '*' || value === 'null') return value;
  const [, base = value, anyPort = ''] = /^(.*?)(:\*)$/.exec(value) ?? [];
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#@]*$/i.test(base) || !URL.canParse(base)) return undefined;
  const { protocol, host } = new URL(base);
  return `${protocol}//${host}${anyPort}`.toLowerCase();
}

/** The value of `--allow-host` in the form of `Host`, without a port; undefined if it is no host name. */
export function hostRule(value: string): string | undefined {
  const address = isIP(value) === 6 ? `[${value}]` : value;
  const name = /^[\w.-]+$|^\[[\da-f:.]+\]$/i.test(address) ? nameIn(address) : undefined;
  return name?.replace(/^\[|\]$/g, '');
}

/** True for names and addresses that always mean the loopback. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** Ignores the scheme: clients other than browsers send `https` to a server of plain HTTP. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(origin)) return false;
  const { protocol, host: own } = new URL(origin);
  return own !== '' && URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === own;
}

function nameIn(host: string): string | undefined {
  if (/[/?#@\\\s]/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/\.$/, '');
}
