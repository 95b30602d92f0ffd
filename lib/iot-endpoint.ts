import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { AwsCustomResource, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { acknowledgeWildcard } from './acknowledge-wildcard';
import { oneInStack } from './find-in-stack';

export interface IotEndpointProps {
  readonly logRetention: RetentionDays;
}

/** The account's own endpoint of AWS IoT Core's data plane, which no CloudFormation function knows: it is asked for once. */
export class IotEndpoint extends Construct {
  /** `https://…-ats.iot.region.amazonaws.com` */
  readonly url: string;

  /** The one of the stack: CDK asks with one function for all of them, which has the role and the log of the first. */
  static of(scope: Construct, props: IotEndpointProps): IotEndpoint {
    return oneInStack(scope, (each) => each instanceof IotEndpoint) ?? new IotEndpoint(scope, 'Endpoint', props);
  }

  private constructor(scope: Construct, id: string, props: IotEndpointProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Log', { retention: props.logRetention, removalPolicy: RemovalPolicy.DESTROY });
    const role = this.createRole(logGroup);
    const question = new AwsCustomResource(this, 'Question', {
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
    question.node.addDependency(role); // its permissions too
    this.url = `https://${question.getResponseField('endpointAddress')}`;
  }

  private createRole(logGroup: LogGroup): Role {
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    role.addToPolicy(new PolicyStatement({ actions: ['iot:DescribeEndpoint'], resources: ['*'] }));
    acknowledgeWildcard(
      role,
      '*',
      'IAM knows no resource for iot:DescribeEndpoint, which tells a name and changes nothing',
    );
    return role;
  }
}
