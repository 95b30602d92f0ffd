import dns from 'node:dns';
import { jest } from '@jest/globals';

/** Makes every host name resolve to 127.0.0.1 and 127.0.0.2. The returned function restores the resolver. */
export function giveNamesTwoAddresses(): () => void {
  const found = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
  const answer = (_name: string, _options: object, tell: (error: null, found: object[]) => void) => tell(null, found);
  const lookup = jest.spyOn(dns, 'lookup').mockImplementation(answer as never);
  return () => lookup.mockRestore();
}
