import type { AccessConfig } from '../lambdas/access/access-config';

const anonymousClients = {
  off: [],
  'by-rules': ['anybody, to do what rules allow'],
  everything: ['anybody, to do everything'],
};

/** Describes in one line which clients may connect, for the user who started the local cloud. */
export function describeAccess(config: AccessConfig, file: string | undefined): string {
  if (file === undefined) return 'Anybody may connect and do everything (this machine only); --access FILE closes it.';
  const { anonymous, users, issuers, rules } = config;
  const welcome = [
    ...(users ? ['users ("cirrus-mqtt users --help" tells how to add one)'] : []),
    ...issuers.map(({ issuer }) => `who has a token of ${issuer}`),
    ...anonymousClients[anonymous],
  ];
  return `Who may connect, by ${file}: ${welcome.join('; ') || 'nobody'}. Rules in it: ${rules.length}.`;
}
