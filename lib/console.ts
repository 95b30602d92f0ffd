import { Aws, Duration, Fn, RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  AllowedMethods,
  type BehaviorOptions,
  CachePolicy,
  Distribution,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  OriginRequestPolicy,
  PriceClass,
  ResponseHeadersPolicy,
  S3OriginAccessControl,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { type ISource, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct } from 'constructs';
import { builtConsole } from '../console/build';
import type { ConsoleConfig } from '../console/config';
import { contentSecurityPolicy, securityHeaders } from '../console/security-headers';
import { apiStage } from '../lambdas/deployment';
import { ConsoleUpload } from './console-upload';
import { deploymentRegion } from './deployment-region';

export interface ConsoleProps {
  readonly brokerName: string;
  /** `wss://…/mqtt` */
  readonly brokerUrl: string;
  /** `https://…/api`; undefined if the API is not deployed. */
  readonly apiUrl: string | undefined;
  readonly logRetention: RetentionDays;
}

/**
 * The console on CloudFront. It serves the page from a private bucket, and forwards `/api/` to the API for backends. Because both
 * have the same origin, the API needs no CORS. Request signatures stay valid, because they are computed for the API's own host.
 */
export class Console extends Construct {
  readonly url: string;

  /** @throws Error in a Region without CloudFront */
  constructor(scope: Construct, id: string, props: ConsoleProps) {
    super(scope, id);
    assertCloudFrontRegion(deploymentRegion(this));
    const bucket = this.createBucket();
    const distribution = this.createDistribution(bucket, props);
    new ConsoleUpload(this, 'Upload', { bucket, sources: sourcesOf(props), logRetention: props.logRetention });
    this.url = `https://${distribution.distributionDomainName}/`;
  }

  private createBucket(): Bucket {
    const bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      // The content can be rebuilt at any time. ConsoleUpload empties the bucket when the stack is deleted.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'only CloudFront reads it, and its content is public: the source of the page',
    });
    return bucket;
  }

  private createDistribution(bucket: Bucket, props: ConsoleProps): Distribution {
    const { brokerName, apiUrl } = props;
    const responseHeadersPolicy = this.createHeaders(props);
    const distribution = new Distribution(this, 'Distribution', {
      comment: `Console of ${brokerName}`,
      defaultRootObject: 'index.html',
      httpVersion: HttpVersion.HTTP2_AND_3,
      priceClass: PriceClass.PRICE_CLASS_100,
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(bucket, {
          originAccessControl: this.createAccessControl(props),
        }),
        allowedMethods: AllowedMethods.ALLOW_GET_HEAD,
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        cachePolicy: CachePolicy.CACHING_OPTIMIZED,
        responseHeadersPolicy,
      },
      ...(apiUrl !== undefined && {
        additionalBehaviors: { [`/${apiStage}/*`]: apiBehavior(apiUrl, responseHeadersPolicy) },
      }),
    });
    for (const [id, reason] of Object.entries(reasons)) Validations.of(distribution).acknowledge({ id, reason });
    return distribution;
  }

  /** Names of access controls are unique per account, not per Region. The Region keeps brokers with the same name apart. */
  private createAccessControl({ brokerName }: ConsoleProps): S3OriginAccessControl {
    return new S3OriginAccessControl(this, 'AccessControl', {
      originAccessControlName: `${brokerName}-console-${Aws.REGION}`, // CloudFront allows 64 characters
    });
  }

  private createHeaders({ brokerName, brokerUrl }: ConsoleProps): ResponseHeadersPolicy {
    const always = { override: true };
    return new ResponseHeadersPolicy(this, 'Headers', {
      responseHeadersPolicyName: `${brokerName}-console-${Aws.REGION}`,
      securityHeadersBehavior: {
        contentSecurityPolicy: { contentSecurityPolicy: contentSecurityPolicy([brokerUrl]), ...always },
        contentTypeOptions: always,
        frameOptions: { frameOption: HeadersFrameOption.DENY, ...always },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, ...always },
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), ...always },
      },
      customHeadersBehavior: {
        customHeaders: customHeaders.map((header) => ({ header, value: securityHeaders[header], ...always })),
      },
    });
  }
}

/**
 * GovCloud and the isolated partitions have no CloudFront, and CloudFront in China has no origin access control.
 *
 * @throws Error in these Regions
 */
function assertCloudFrontRegion(region: string | undefined): void {
  if (region === undefined || !/^(cn|us-gov|us-iso|eu-isoe)/.test(region)) return;
  throw new Error(`console is true, but must be false in ${region}, where CloudFront cannot serve it`);
}

/** Security headers for which CloudFront has no dedicated setting. */
const customHeaders = ['cross-origin-opener-policy', 'cross-origin-resource-policy', 'permissions-policy'] as const;

const reasons = {
  'AwsSolutions-CFR1': 'operators may be in any country',
  'AwsSolutions-CFR2': 'the page is public and static; broker and API require credentials',
  'AwsSolutions-CFR3': 'the page has few visitors; API and gateway have access logs',
  'AwsSolutions-CFR4': 'with the certificate of CloudFront the oldest version of TLS cannot be chosen',
};

/** Forwards everything uncached except the `Host` header: API Gateway accepts only its own. */
function apiBehavior(apiUrl: string, responseHeadersPolicy: ResponseHeadersPolicy): BehaviorOptions {
  return {
    origin: new HttpOrigin(Fn.select(2, Fn.split('/', apiUrl))),
    allowedMethods: AllowedMethods.ALLOW_ALL,
    viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
    cachePolicy: CachePolicy.CACHING_DISABLED,
    originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
    responseHeadersPolicy,
  };
}

function sourcesOf({ brokerUrl, apiUrl }: ConsoleProps): ISource[] {
  const config: ConsoleConfig = {
    broker: brokerUrl,
    ...(apiUrl !== undefined && { api: { url: apiUrl, region: Aws.REGION } }),
  };
  return [Source.asset(builtConsole()), Source.jsonData('config.json', config)];
}
