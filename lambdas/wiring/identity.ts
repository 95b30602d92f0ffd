import type { Credentials } from '../aws/lean/signature';
import { regionIn } from './endpoints';

/** Region and credentials of the function. Lambda gives each container credentials for its lifetime. */
export function identityIn(environment: NodeJS.ProcessEnv): {
  readonly region: string;
  readonly credentials: Credentials;
} {
  const credentials = {
    accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: environment.AWS_SESSION_TOKEN,
  };
  return { region: regionIn(environment), credentials };
}
