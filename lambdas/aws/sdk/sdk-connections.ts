import {
  type ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { ConnectionDescription, ConnectionsApi } from '../connections-api';

/** The @connections API through the SDK's client. */
export class SdkConnections implements ConnectionsApi {
  /** `client` makes one attempt at a call. A second one could post a frame twice where a response got lost. */
  constructor(private readonly client: ApiGatewayManagementApiClient) {}

  post(connectionId: string, data: Buffer): Promise<number | undefined> {
    const command = new PostToConnectionCommand({ ConnectionId: connectionId, Data: data });
    return this.client.send(command).then(statusOf, statusOf);
  }

  delete(connectionId: string): Promise<number | undefined> {
    const command = new DeleteConnectionCommand({ ConnectionId: connectionId });
    return this.client.send(command).then(statusOf, statusOf);
  }

  describe(connectionId: string): Promise<ConnectionDescription | undefined> {
    return this.client.send(new GetConnectionCommand({ ConnectionId: connectionId })).then(
      ({ Identity, LastActiveAt }) => ({
        address: Identity?.SourceIp ?? '',
        ...(LastActiveAt && { lastActiveAt: LastActiveAt.toISOString() }),
      }),
      () => undefined,
    );
  }
}

/** Status of a response or of a service's error. An error of the network has none. */
function statusOf({ $metadata }: { readonly $metadata?: { readonly httpStatusCode?: number } }): number | undefined {
  return $metadata?.httpStatusCode;
}
