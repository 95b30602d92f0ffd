/**
 * `Authorization` header of the local cloud's own calls. DynamoDB Local without `-sharedDb` keeps a database for each
 * access key id and Region, so other programs need the same ones to see its tables: `local` and `us-east-1`.
 */
export const localAuthorization =
  'AWS4-HMAC-SHA256 Credential=local/20120810/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=local';
