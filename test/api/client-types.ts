import type {
  ApiClient,
  ApiClientDetails,
  ApiSubscription,
  DirectResult,
  Page,
  RetainedMessage,
  RetainedSummary,
  UserProperty,
} from '../../clients/api-types';
import type { OperationName, ResponseTo } from '../../lambdas/api/operations';
import type { ClientJson, MessageJson, SubscriptionJson } from '../../lambdas/api/schemas';

type BodyOf<Name extends OperationName> = NonNullable<ResponseTo<Name>['body']>;

interface Sent {
  client: ClientJson;
  subscription: SubscriptionJson;
  details: BodyOf<'showClient'>;
  clients: BodyOf<'listClients'>;
  summaries: BodyOf<'listRetained'>;
  retained: BodyOf<'showRetained'>;
  direct: BodyOf<'sendToClient'>;
  userProperty: NonNullable<MessageJson['userProperties']>[number];
}

interface Received {
  client: ApiClient;
  subscription: ApiSubscription;
  details: ApiClientDetails;
  clients: Page<ApiClient>;
  summaries: Page<RetainedSummary>;
  retained: RetainedMessage;
  direct: DirectResult;
  userProperty: UserProperty;
}

/**
 * Compiles only if the types of the client (`clients/api-types.ts`) equal those of the schemas. The client has its own types
 * because users copy it, and the schemas would bring their library along.
 */
export const toReceived = (sent: Sent): Received => sent;
export const toSent = (received: Writable<Received>): Sent => received;

type Writable<Type> = { -readonly [Key in keyof Type]: Writable<Type[Key]> };
