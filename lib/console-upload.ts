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

/** Brings the page into its bucket when the stack is deployed, and takes it out when the stack is deleted. */
export class ConsoleUpload extends Construct {
  constructor(scope: Construct, id: string, { bucket, sources, logRetention }: ConsoleUploadProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', { retention: logRetention, removalPolicy: RemovalPolicy.DESTROY });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    const files = new BucketDeployment(this, 'Files', {
      destinationBucket: bucket,
      sources: sources.map((source) => readableBy(role, source)),
      // The CDK would grant more than this takes.
      role: role.withoutPolicyUpdates(),
      logGroup,
      retainOnDelete: false,
      outputObjectKeys: false,
      // Browsers and CloudFront ask each time whether a file has changed, so there is nothing to invalidate.
      cacheControl: [CacheControl.noCache()],
    });
    grantFilling(role, bucket);
    files.node.addDependency(role); // its permissions too
    this.acknowledgeRuntime();
  }

  /** The function is one for the whole stack, and the CDK's. */
  private acknowledgeRuntime(): void {
    const { children } = Stack.of(this).node;
    const lambda = children.find(({ node }) => node.id.startsWith('Custom::CDKBucketDeployment'));
    if (!lambda) throw new Error('the CDK has no function Custom::CDKBucketDeployment in this stack any more');
    const reason = 'the runtime is chosen by the CDK and comes with its version; it runs in deployments only';
    Validations.of(lambda).acknowledge({ id: 'AwsSolutions-L1', reason });
  }
}

/** The source, of which the role may read the one object. */
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

/** What `aws s3 sync` and `aws s3 rm` need; the tag says whether the bucket is still this stack's. */
function grantFilling(role: Role, bucket: Bucket): void {
  const every = bucket.arnForObjects('*');
  role.addToPolicy(
    new PolicyStatement({ actions: ['s3:ListBucket', 's3:GetBucketTagging'], resources: [bucket.bucketArn] }),
  );
  role.addToPolicy(new PolicyStatement({ actions: ['s3:PutObject', 's3:DeleteObject'], resources: [every] }));
  acknowledgeWildcard(role, every, 'the bucket is for the files of the page, and their names change with each build');
}
