import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { AwsCustomResource, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from './acknowledge-wildcard';
import { findInStack } from './find-in-stack';

export interface IotEndpointProps {
  readonly logRetention: RetentionDays;
}

/** Looks up the account's data endpoint of AWS IoT Core at deployment, because no CloudFormation function returns it. */
export class IotEndpoint extends Construct {
  /** `https://…-ats.iot.region.amazonaws.com` */
  readonly url: string;

  /** Returns the endpoint of the stack, created on the first call. CDK has one function for all lookups, with the first one's role. */
  static of(scope: Construct, props: IotEndpointProps): IotEndpoint {
    return findInStack(scope, (each) => each instanceof IotEndpoint) ?? new IotEndpoint(scope, 'Endpoint', props);
  }

  private constructor(scope: Construct, id: string, props: IotEndpointProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', { retention: props.logRetention, removalPolicy: RemovalPolicy.DESTROY });
    const role = this.createRole(logGroup);
    const lookup = new AwsCustomResource(this, 'Question', {
      onUpdate: {
        service: '@aws-sdk/client-iot',
        action: 'DescribeEndpoint',
        parameters: { endpointType: 'iot:Data-ATS' },
        physicalResourceId: PhysicalResourceId.of('iot-data-endpoint'),
        outputPaths: ['endpointAddress'],
      },
      role,
      installLatestAwsSdk: false,
      memorySize: 256,
      timeout: Duration.minutes(1),
      logGroup,
    });
    lookup.node.addDependency(role); // waits for its policies too
    this.url = `https://${lookup.getResponseField('endpointAddress')}`;
  }

  private createRole(logGroup: LogGroup): Role {
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    role.addToPolicy(new PolicyStatement({ actions: ['iot:DescribeEndpoint'], resources: ['*'] }));
    acknowledgeWildcard(
      role,
      '*',
      'iot:DescribeEndpoint has no resources in IAM; it returns a name and changes nothing',
    );
    return role;
  }
}
