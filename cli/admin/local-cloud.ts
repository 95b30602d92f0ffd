/** Options that the SDK's clients need for the local cloud, which accepts no other credentials. */
export const localCloudClient = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;

const defaultAddress = 'http://127.0.0.1:8080';

/** Adds the default address to `--local` without a value, so that `parseArgs` accepts the flag either way. */
export function withLocalAddress(args: string[]): string[] {
  const isAddress = (arg: string | undefined) => arg !== undefined && /^https?:\/\//.test(arg);
  return args.flatMap((arg, index) => {
    if (arg === '--local') return [`--local=${isAddress(args[index + 1]) ? args[index + 1] : defaultAddress}`];
    return isAddress(arg) && args[index - 1] === '--local' ? [] : [arg];
  });
}

/** Reads the endpoints and names of the local cloud. @throws Error if no local cloud listens at the address. */
export async function localCloudResources<Resources>(address: string): Promise<Resources> {
  try {
    const response = await fetch(new URL('/resources', address));
    if (response.ok) return (await response.json()) as Resources;
  } catch {
    // Nothing listens there, or another server.
  }
  throw new Error(`no local cloud answers at ${address}; start one with "npm start"`);
}
