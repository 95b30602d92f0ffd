import { routes } from '../../lambdas/api/operations';

/** The route of a request, and the values of its placeholders. */
export interface Match {
  readonly routeKey: string;
  readonly pathParameters: Readonly<Record<string, string>>;
}

/** API Gateway: the route with the most literal segments wins. */
export function matchRoute(method: string, path: string): Match | undefined {
  const segments = path.split('/');
  const matches = [...routes.keys()].flatMap((routeKey) => matchOf(routeKey, method, segments) ?? []);
  return matches.sort((one, other) => literals(other) - literals(one))[0];
}

function matchOf(routeKey: string, method: string, segments: readonly string[]): Match | undefined {
  const [wantedMethod, template = ''] = routeKey.split(' ');
  if (wantedMethod !== method) return undefined;
  const wanted = template.split('/');
  const isGreedy = template.endsWith('+}');
  if (isGreedy ? segments.length < wanted.length : segments.length !== wanted.length) return undefined;
  const pathParameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const name = /^\{(\w+)\+?\}$/.exec(part)?.[1];
    const given = part.endsWith('+}') ? segments.slice(index).join('/') : (segments[index] ?? '');
    if (name === undefined ? part !== given : given === '') return undefined;
    if (name !== undefined) pathParameters[name] = decodeURIComponent(given);
  }
  return { routeKey, pathParameters };
}

function literals({ routeKey }: Match): number {
  return routeKey.split('/').filter((part) => !part.startsWith('{')).length;
}
