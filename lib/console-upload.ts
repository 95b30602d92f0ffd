import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, CacheControl, type ISource } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from './acknowledge-wildcard';

export interface ConsoleUploadProps {
  readonly bucket: Bucket;
  readonly sources: readonly ISource[];
  readonly logRetention: RetentionDays;
}

/** Uploads the page to its bucket when the stack is deployed, and removes it when the stack is deleted. */
export class ConsoleUpload extends Construct {
  constructor(scope: Construct, id: string, { bucket, sources, logRetention }: ConsoleUploadProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', { retention: logRetention, removalPolicy: RemovalPolicy.DESTROY });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    const files = new BucketDeployment(this, 'Files', {
      destinationBucket: bucket,
      sources: sources.map((source) => readableBy(role, source)),
      // CDK would grant more than the upload needs.
      role: role.withoutPolicyUpdates(),
      logGroup,
      retainOnDelete: false,
      outputObjectKeys: false,
      // Browsers and CloudFront revalidate each file on each request, so no invalidation is needed.
      cacheControl: [CacheControl.noCache()],
    });
    grantUpload(role, bucket);
    files.node.addDependency(role); // waits for its policies too
    this.acknowledgeRuntime();
  }

  /** Acknowledges the runtime of CDK's upload function, which exists once in the stack. */
  private acknowledgeRuntime(): void {
    const { children } = Stack.of(this).node;
    const lambda = children.find(({ node }) => node.id.startsWith('Custom::CDKBucketDeployment'));
    if (!lambda) throw new Error('CDK has no function Custom::CDKBucketDeployment in this stack');
    const reason = 'CDK chooses the runtime, and the function runs in deployments only';
    Validations.of(lambda).acknowledge({ id: 'AwsSolutions-L1', reason });
  }
}

/** Wraps a source so that the role is granted its one object only. */
function readableBy(role: Role, source: ISource): ISource {
  return {
    bind: (scope, context) => {
      const bound = source.bind(scope, context);
      const resources = [bound.bucket.arnForObjects(bound.zipObjectKey)];
      role.addToPolicy(new PolicyStatement({ actions: ['s3:GetObject'], resources }));
      return bound;
    },
  };
}

/** Grants the actions of `aws s3 sync` and `aws s3 rm`. CDK reads the tags to check that the bucket still belongs to this stack. */
function grantUpload(role: Role, bucket: Bucket): void {
  const every = bucket.arnForObjects('*');
  role.addToPolicy(
    new PolicyStatement({ actions: ['s3:ListBucket', 's3:GetBucketTagging'], resources: [bucket.bucketArn] }),
  );
  role.addToPolicy(new PolicyStatement({ actions: ['s3:PutObject', 's3:DeleteObject'], resources: [every] }));
  acknowledgeWildcard(role, every, 'the bucket contains only files of the page, whose names change with each build');
}
