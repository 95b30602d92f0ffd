import {
  type ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { ConnectionSource } from '../../broker/ports/connection-store';
import type { ConnectionsClient } from '../../transport/gateway-connections';

/** The SDK's own way to post and to close. */
export class SdkConnections implements ConnectionsClient {
  /** `client` makes one attempt at a call: more would post a frame twice where an answer got lost. */
  constructor(private readonly client: ApiGatewayManagementApiClient) {}

  post(connectionId: string, data: Buffer): Promise<number | undefined> {
    const command = new PostToConnectionCommand({ ConnectionId: connectionId, Data: data });
    return this.client.send(command).then(statusOf, statusOf);
  }

  delete(connectionId: string): Promise<number | undefined> {
    const command = new DeleteConnectionCommand({ ConnectionId: connectionId });
    return this.client.send(command).then(statusOf, statusOf);
  }

  describe(connectionId: string): Promise<ConnectionSource | undefined> {
    return this.client.send(new GetConnectionCommand({ ConnectionId: connectionId })).then(
      ({ Identity, LastActiveAt }) => ({
        address: Identity?.SourceIp ?? '',
        ...(LastActiveAt && { lastActiveAt: LastActiveAt.toISOString() }),
      }),
      () => undefined,
    );
  }
}

/** Of an answer or an error; an error of the network has none. */
function statusOf({ $metadata }: { readonly $metadata?: { readonly httpStatusCode?: number } }): number | undefined {
  return $metadata?.httpStatusCode;
}
