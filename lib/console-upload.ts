import { DefaultStackSynthesizer, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, CacheControl, type ISource } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct } from 'constructs';

export interface ConsoleUploadProps {
  readonly bucket: Bucket;
  readonly sources: ISource[];
  readonly logRetention: RetentionDays;
}

/** Brings the page into its bucket when the stack is deployed, and takes it out when the stack is deleted. */
export class ConsoleUpload extends Construct {
  constructor(scope: Construct, id: string, { bucket, sources, logRetention }: ConsoleUploadProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', { retention: logRetention, removalPolicy: RemovalPolicy.DESTROY });
    // With a role of its own it needs none of the policies of AWS.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    new BucketDeployment(this, 'Files', {
      destinationBucket: bucket,
      sources,
      role,
      logGroup,
      retainOnDelete: false,
      // Browsers and CloudFront ask each time whether a file has changed, so there is nothing to invalidate.
      cacheControl: [CacheControl.noCache()],
    });
    this.acknowledgeGrants(role, bucket);
    this.acknowledgeRuntime();
  }

  private acknowledgeGrants(role: Role, bucket: Bucket): void {
    const reason = 'the CDK grants its own upload to copy any file from its bucket of assets to that of the console';
    for (const grant of [...actions, ...this.resources(bucket)]) {
      Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[${grant}]`, reason });
    }
  }

  /** As cdk-nag spells them in its findings. */
  private resources(bucket: Bucket): string[] {
    const stack = Stack.of(this);
    const qualifier = stack.synthesizer.bootstrapQualifier ?? DefaultStackSynthesizer.DEFAULT_QUALIFIER;
    const assets = `arn:<AWS::Partition>:s3:::cdk-${qualifier}-assets-<AWS::AccountId>-<AWS::Region>`;
    const [logicalId] = stack.resolve(bucket.bucketArn)['Fn::GetAtt'];
    return [`Resource::${assets}/*`, `Resource::<${logicalId}.Arn>/*`];
  }

  /** The function is one for the whole stack, and the CDK's. */
  private acknowledgeRuntime(): void {
    const { children } = Stack.of(this).node;
    const lambda = children.find(({ node }) => node.id.startsWith('Custom::CDKBucketDeployment'));
    if (!lambda) throw new Error('the CDK has no function Custom::CDKBucketDeployment in this stack any more');
    const reason = 'the runtime is the choice of the CDK, which comes with its version; it runs in deployments only';
    Validations.of(lambda).acknowledge({ id: 'AwsSolutions-L1', reason });
  }
}

const actions = ['GetBucket', 'GetObject', 'List', 'Abort', 'DeleteObject'].map((name) => `Action::s3:${name}*`);
