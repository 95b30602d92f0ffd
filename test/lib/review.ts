/** A resource of a template. */
export interface Reviewed {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template has no types
  readonly Properties: Record<string, any>;
}

export type Resources = Readonly<Record<string, Reviewed>>;

/** Returns the findings of one rule, each with the logical id of its resource. */
type Rule = (resources: Resources) => string[];

/** Grants for which AWS requires a wildcard, as `action resource`. */
const necessaryWildcards: readonly { readonly grant: RegExp; readonly because: string }[] = [
  {
    grant: /^execute-api:ManageConnections arn:[^*]*\/[\w-]+\/(POST|GET|DELETE)\/@connections\/\*$/,
    because: 'connection ids exist only at run time',
  },
  { grant: /^iot:(Retain)?Publish arn:.*:topic\/.+/, because: 'an entry of a bridge is a filter, with wildcards' },
  { grant: /^xray:Put(TraceSegments|TelemetryRecords) \*$/, because: 'X-Ray has no resources' },
  {
    grant: /^s3:(PutObject|DeleteObject) <ConsoleBucket\w+>\/\*$/,
    because: 'files of the console have names that change with each build',
  },
  { grant: /^iot:DescribeEndpoint \*$/, because: 'IAM knows no resource for it' },
];

/** Function of custom resources. CloudFormation waits for it, and its failure fails the deployment, so it needs no dead letters. */
const customResource = /^AWS679f53fac002430cb0da5b7982bd2287/;

/** The only role with a managed policy of AWS: API Gateway refuses an account log role without it. */
const accountLogRole = /AccountLogRole/;

/** Rules of the review. The key states the requirement. */
export const rules: Readonly<Record<string, Rule>> = {
  'a function has memory, a timeout, a log group and a role of its own': (resources) =>
    ofType(resources, 'AWS::Lambda::Function').flatMap(([id, { Properties: lambda }]) => {
      const missing = ['MemorySize', 'Timeout', 'Role', 'LoggingConfig'].filter((key) => lambda[key] === undefined);
      const sharing = ofType(resources, 'AWS::Lambda::Function').filter(([, { Properties }]) => {
        return idOf(Properties.Role) === idOf(lambda.Role) || logGroupOf(Properties) === logGroupOf(lambda);
      });
      return [
        ...missing.map((key) => `${id} has no ${key}`),
        ...sharing.slice(1).map(([other]) => `${id} and ${other}`),
      ];
    }),

  'a log group has a retention': (resources) =>
    ofType(resources, 'AWS::Logs::LogGroup').flatMap(([id, { Properties }]) =>
      Properties.RetentionInDays > 0 ? [] : [`${id} keeps logs for ever`],
    ),

  'a role has inline policies only': (resources) =>
    ofType(resources, 'AWS::IAM::Role').flatMap(([id, { Properties }]) =>
      ('ManagedPolicyArns' in Properties || 'Policies' in Properties) && !accountLogRole.test(id)
        ? [`${id} has other policies`]
        : [],
    ),

  'a role trusts a service, and one from outside of the stack only for this account': (resources) =>
    ofType(resources, 'AWS::IAM::Role').flatMap(([id, { Properties }]) =>
      statementsOf(Properties.AssumeRolePolicyDocument).flatMap(({ Principal, Condition }) => {
        if (typeof Principal?.Service !== 'string') return [`${id} is for ${JSON.stringify(Principal)}`];
        const own = flat(Condition?.StringEquals?.['aws:SourceAccount']) === '<AWS::AccountId>';
        return own || bound.includes(Principal.Service) ? [] : [`${id} is for ${Principal.Service} of any account`];
      }),
    ),

  'a grant names actions and resources': (resources) =>
    grantsIn(resources)
      .filter(({ grant }) => grant.includes('*') && !necessaryWildcards.some((known) => known.grant.test(grant)))
      .map(({ id, grant }) => `${id}: ${grant}`),

  'a resource policy allows services only': (resources) =>
    policiesOfResources(resources).flatMap(([id, { Properties }]) =>
      statementsOf(Properties.PolicyDocument)
        .filter(({ Effect, Principal }) => Effect === 'Allow' && typeof Principal?.Service !== 'string')
        .map(({ Principal }) => `${id} allows ${JSON.stringify(Principal)}`),
    ),

  'a function has permissions for named sources only': (resources) => [
    ...ofType(resources, 'AWS::Lambda::Permission').flatMap(([id, { Properties }]) =>
      Properties.SourceArn === undefined ? [`${id} is for every resource of ${Properties.Principal}`] : [],
    ),
    ...ofType(resources, 'AWS::Lambda::Url').map(([id]) => `${id} is public`),
  ],

  'a route has an authorizer, except those of MQTT': (resources) =>
    ofType(resources, 'AWS::ApiGatewayV2::Route').flatMap(([id, { Properties }]) =>
      Properties.AuthorizationType === 'AWS_IAM' ||
      ['$connect', '$default', '$disconnect'].includes(Properties.RouteKey)
        ? []
        : [`${id} (${Properties.RouteKey}) is open`],
    ),

  'a stage has limits and an access log': (resources) =>
    ofType(resources, 'AWS::ApiGatewayV2::Stage').flatMap(([id, { Properties }]) => [
      ...(Properties.DefaultRouteSettings?.ThrottlingRateLimit > 0 ? [] : [`${id} has no limit`]),
      ...(Properties.AccessLogSettings ? [] : [`${id} has no access log`]),
    ]),

  'a table and a queue are encrypted at rest': (resources) => [
    ...ofType(resources, 'AWS::DynamoDB::Table').flatMap(([id, { Properties }]) =>
      Properties.SSESpecification?.SSEEnabled ? [] : [id],
    ),
    ...ofType(resources, 'AWS::SQS::Queue').flatMap(([id, { Properties }]) =>
      Properties.SqsManagedSseEnabled ? [] : [id],
    ),
  ],

  // The alarm topic is not encrypted at rest: CloudWatch cannot publish with the AWS managed key, and another key costs $1 a month.
  'a queue and a topic refuse requests without TLS': (resources) => {
    const guarded = policiesOfResources(resources).filter(([, { Properties }]) =>
      statementsOf(Properties.PolicyDocument).some(
        ({ Effect, Condition }) => Effect === 'Deny' && Condition?.Bool?.['aws:SecureTransport'] === 'false',
      ),
    );
    const ids = guarded.flatMap(([, { Properties }]) => (Properties.Queues ?? Properties.Topics).map(idOf));
    const all = [...ofType(resources, 'AWS::SQS::Queue'), ...ofType(resources, 'AWS::SNS::Topic')];
    return all.map(([id]) => id).filter((id) => !ids.includes(id));
  },

  'a table can be restored': (resources) =>
    ofType(resources, 'AWS::DynamoDB::Table').flatMap(([id, { Properties }]) =>
      Properties.PointInTimeRecoverySpecification?.PointInTimeRecoveryEnabled ? [] : [id],
    ),

  'a queue has a visibility timeout of six times the timeout of its consumer': (resources) =>
    sourcesOf(resources).flatMap(({ queue, lambda }) => {
      const [hidden, longest] = [resources[queue]!.Properties.VisibilityTimeout, resources[lambda]!.Properties.Timeout];
      return hidden >= 6 * longest ? [] : [`${queue} hides for ${hidden} s, ${lambda} may take ${longest}`];
    }),

  'a consumer reports single failed messages': (resources) =>
    sourcesOf(resources).flatMap(({ queue, responses }) =>
      responses?.includes('ReportBatchItemFailures') ? [] : [queue],
    ),

  'a queue has a dead-letter queue with a longer retention': (resources) =>
    sourcesOf(resources).flatMap(({ queue }) => {
      const { RedrivePolicy, MessageRetentionPeriod, FifoQueue } = resources[queue]!.Properties;
      const letters = resources[idOf(RedrivePolicy?.deadLetterTargetArn)]?.Properties;
      if (!letters || letters.FifoQueue !== FifoQueue) return [`${queue} has no dead letters of its kind`];
      return letters.MessageRetentionPeriod > MessageRetentionPeriod ? [] : [`${queue} keeps them no longer`];
    }),

  'a function that is invoked asynchronously has a destination for failures': (resources) =>
    invokedAsynchronously(resources).flatMap((lambda) => {
      const [invoke] = ofType(resources, 'AWS::Lambda::EventInvokeConfig').filter(
        ([, { Properties }]) => idOf(Properties.FunctionName) === lambda,
      );
      return invoke?.[1].Properties.DestinationConfig?.OnFailure ? [] : [`${lambda} loses what failed`];
    }),

  'a schedule and a rule have a destination for failures': (resources) => [
    ...ofType(resources, 'AWS::Scheduler::Schedule').flatMap(([id, { Properties }]) =>
      Properties.Target.DeadLetterConfig ? [] : [id],
    ),
    ...ofType(resources, 'AWS::IoT::TopicRule').flatMap(([id, { Properties }]) =>
      Properties.TopicRulePayload.ErrorAction?.Sqs ? [] : [id],
    ),
  ],

  'dead letters raise an alarm': (resources) => {
    const alarmed = ofType(resources, 'AWS::CloudWatch::Alarm')
      .filter(([, { Properties }]) => Properties.MetricName === 'ApproximateNumberOfMessagesVisible')
      .map(([, { Properties }]) => idOf(Properties.Dimensions[0].Value));
    return deadLettersOf(resources).filter((id) => !alarmed.includes(id));
  },

  'a resource has no physical name that a second stack would need too': (resources) =>
    Object.entries(resources).flatMap(([id, { Type, Properties = {} }]) => {
      const named = ['TableName', 'QueueName', 'FunctionName', 'RoleName', 'LogGroupName', 'TopicName', 'AlarmName'];
      const own = named.filter((key) => key === `${Type.split('::')[2]}Name` && key in Properties);
      return own.map((key) => `${id} has a ${key}`);
    }),

  'an ARN uses the partition of the stack, and an address its domain': (resources) =>
    Object.entries(resources).flatMap(([id, resource]) => {
      const text = JSON.stringify(resource).replace(/"(lambda\.alarms\.)?[a-z0-9-]+\.amazonaws\.com"/g, ''); // names of services
      return (text.match(/arn:aws[a-z-]*:|amazonaws\.com/g) ?? []).map((found) => `${id} has ${found}`);
    }),

  'a reference has a target': (resources) => {
    const known = (id: string) => id in resources || id.startsWith('AWS::');
    return referencesIn(resources)
      .filter(({ to }) => !known(to))
      .map(({ from, to }) => `${from} refers to ${to}`);
  },

  'the template is within the limits of CloudFormation, IAM and Lambda': (resources) => [
    ...(Object.keys(resources).length > 500 ? ['more than 500 resources'] : []),
    ...ofType(resources, 'AWS::IAM::Policy')
      .filter(([, { Properties }]) => flat(Properties.PolicyDocument).length > 10_240)
      .map(([id]) => `${id} is longer than the policies of a role may be`),
  ],
};

/** Returns all findings, each with its rule. */
export function review(resources: Resources): string[] {
  return Object.entries(rules).flatMap(([rule, check]) => check(resources).map((found) => `${rule}: ${found}`));
}

/** Services that assume a role only for a resource that names it. Resources of other accounts cannot name it. */
const bound = ['lambda.amazonaws.com', 'apigateway.amazonaws.com'];

function ofType(resources: Resources, type: string): [string, Reviewed][] {
  return Object.entries(resources).filter(([, { Type }]) => Type === type);
}

function policiesOfResources(resources: Resources): [string, Reviewed][] {
  return [...ofType(resources, 'AWS::SQS::QueuePolicy'), ...ofType(resources, 'AWS::SNS::TopicPolicy')];
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Principal?: { readonly Service?: unknown };
  readonly Condition?: Record<string, Record<string, unknown>>;
}

function statementsOf(document: { readonly Statement: Statement[] }): Statement[] {
  return document.Statement;
}

function grantsIn(resources: Resources): { id: string; grant: string }[] {
  return ofType(resources, 'AWS::IAM::Policy').flatMap(([id, { Properties }]) =>
    statementsOf(Properties.PolicyDocument).flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((each) => ({ id, grant: `${action} ${flat(each)}` }))),
    ),
  );
}

function sourcesOf(resources: Resources) {
  return ofType(resources, 'AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => ({
    queue: idOf(Properties.EventSourceArn),
    lambda: idOf(Properties.FunctionName),
    responses: Properties.FunctionResponseTypes as string[] | undefined,
  }));
}

/** Returns functions that a schedule or a topic rule invokes asynchronously. */
function invokedAsynchronously(resources: Resources): string[] {
  const byRules = ofType(resources, 'AWS::IoT::TopicRule').flatMap(([, { Properties }]) =>
    (Properties.TopicRulePayload.Actions as { Lambda?: { FunctionArn: unknown } }[]).map(({ Lambda }) =>
      idOf(Lambda?.FunctionArn),
    ),
  );
  const bySchedules = ofType(resources, 'AWS::Scheduler::Schedule').map(([, { Properties }]) =>
    idOf(Properties.Target.Arn),
  );
  return [...new Set([...byRules, ...bySchedules])].filter((id) => !customResource.test(id));
}

/** Returns every dead-letter queue. */
function deadLettersOf(resources: Resources): string[] {
  const targets = Object.values(resources).flatMap(({ Type, Properties }) => {
    if (Type === 'AWS::SQS::Queue') return Properties.RedrivePolicy?.deadLetterTargetArn ?? [];
    if (Type === 'AWS::Lambda::EventInvokeConfig') return Properties.DestinationConfig?.OnFailure?.Destination ?? [];
    if (Type === 'AWS::Scheduler::Schedule') return Properties.Target.DeadLetterConfig?.Arn ?? [];
    return Type === 'AWS::IoT::TopicRule' ? (Properties.TopicRulePayload.ErrorAction?.Sqs?.QueueUrl ?? []) : [];
  });
  return [...new Set(targets.map(idOf))];
}

function logGroupOf(lambda: Reviewed['Properties']): string {
  return idOf(lambda.LoggingConfig?.LogGroup);
}

/** Returns the logical id that a value refers to. */
function idOf(value: unknown): string {
  const { Ref, 'Fn::GetAtt': attribute } = (value ?? {}) as { Ref?: string; 'Fn::GetAtt'?: [string, string] };
  return Ref ?? attribute?.[0] ?? '';
}

/** Formats a value, with references in angle brackets. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const joined = (value as { 'Fn::Join'?: [string, unknown[]] } | undefined)?.['Fn::Join'];
  if (joined) return joined[1].map(flat).join(joined[0]);
  const id = idOf(value);
  return id === '' ? JSON.stringify(value ?? '') : `<${id}>`;
}

function referencesIn(resources: Resources): { from: string; to: string }[] {
  return Object.entries(resources).flatMap(([from, resource]) => {
    const text = JSON.stringify(resource);
    const named = [...text.matchAll(/"Ref":"([^"]+)"|"Fn::GetAtt":\["([^"]+)"/g)].map(([, ref, of]) => ref ?? of ?? '');
    const awaited = [(resource as { DependsOn?: string | string[] }).DependsOn ?? []].flat();
    return [...named, ...awaited].map((to) => ({ from, to }));
  });
}
