/**
 * What the local cloud's own calls are authorized by. DynamoDB Local without `-sharedDb` keeps a database for each access key
 * id and Region, so this is also what others must use who want to see its tables: `local`, and `us-east-1`.
 */
export const localAuthorization =
  'AWS4-HMAC-SHA256 Credential=local/20120810/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=local';
