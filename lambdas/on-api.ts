import type { APIGatewayProxyEventV2WithIAMAuthorizer, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { Api } from './api/api';
import { settingsFromEnvironment } from './settings';
import { toApiRequest, toApiResult } from './transport/api-event';
import { apiPorts } from './wiring/api-ports';

const ports = apiPorts(process.env);
const api = new Api(ports, settingsFromEnvironment(process.env));

/** The API for backends. API Gateway has authorized the caller for the route by IAM. */
export async function handler(
  event: APIGatewayProxyEventV2WithIAMAuthorizer,
): Promise<APIGatewayProxyStructuredResultV2> {
  const result = toApiResult(await api.answer(toApiRequest(event)));
  ports.metrics.write();
  return result;
}
