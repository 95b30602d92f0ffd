import { join } from 'node:path';
import { App, type Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdkJson from '../../cdk.json';
import { BrokerStack } from '../../lib/broker-stack';
import { type BrokerOptions, optionRules, readOptions } from '../../lib/options';
import type { Resources } from './review';

/** Describes a bridge in both directions. */
export const bridgeFile = join(__dirname, 'bridge.json');

/**
 * Creates the stack with these options and the feature flags of cdk.json. To save time it skips bundling and CloudFormation's rules;
 * `cdk synth` does both.
 */
export function createStack(options: Record<string, unknown> = {}): BrokerStack {
  const context = { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] };
  const app = new App({ context, builtinCloudFormationValidation: false });
  return new BrokerStack(app, 'Broker', { options: readOptions(options) });
}

/** Values of options that are neither numbers nor enumerations. */
const textOptions: Partial<Record<keyof BrokerOptions, unknown>> = {
  brokerName: 'garage',
  stageName: 'v7',
  accessFile: join(__dirname, 'access.json'),
  bridgeFile,
  eventsFile: join(__dirname, 'events.json'),
  alarmEmail: 'me@example.org',
  refusedFilters: ['$SYS/#'],
  console: true,
};

/** An allowed value other than the default for each option. */
export const everyOption = Object.fromEntries(
  (Object.keys(optionRules) as (keyof BrokerOptions)[]).map((name) => [name, otherValue(name)]),
) as Partial<BrokerOptions>;

function otherValue(name: keyof BrokerOptions): unknown {
  const { default: standard, allowed, allows } = optionRules[name];
  const words = allowed.replace(/^one of /, '').split(', ');
  const near = typeof standard === 'number' ? [standard + 1, standard - 1, ...words.map(Number)] : words;
  const other = [textOptions[name], ...near].find(
    (value) => allows(value) && value !== standard && value !== undefined,
  );
  if (other === undefined) throw new Error(`no other value is known for ${name}, which is ${allowed}`);
  return other;
}

/** Returns the template of the stack. */
export function synthesize(options: Record<string, unknown> = {}): Template {
  return Template.fromStack(createStack(options));
}

/** Returns the resources of the template by logical id. */
export function resourcesIn(stack: Stack): Resources {
  return Template.fromStack(stack).toJSON().Resources;
}

/** A resource of a template, with the properties of its CloudFormation type. */
export interface Resource {
  // biome-ignore lint/suspicious/noExplicitAny: a template has no types
  readonly Properties: Record<string, any>;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: string[];
}

/** Returns every resource of a type by its logical id without the hash: `PacketsQueue`, `OnConnectFunction`. */
export function resourcesOf(template: Template, type: string): Record<string, Resource> {
  const found = Object.entries(template.findResources(type) as Record<string, Resource>);
  return Object.fromEntries(found.map(([id, resource]) => [withoutHash(id), resource]));
}

interface Intrinsic {
  readonly Ref: string;
  readonly 'Fn::GetAtt'?: [string, string];
  readonly 'Fn::Sub'?: string;
  readonly 'Fn::Join'?: [string, unknown[]];
}

/** Formats a value: `PacketsQueue` for a reference, `PacketsQueue.Arn` for an attribute, without the hash. */
export function readable(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join, 'Fn::Sub': sub } = value as Intrinsic;
  if (attribute) return `${withoutHash(attribute[0])}.${attribute[1]}`;
  if (sub !== undefined) return sub;
  if (join) return join[1].map(readable).join(join[0]);
  return withoutHash(Ref);
}

/** Returns all grants of a role as `action resource`, sorted. */
export function grantsOf(template: Template, role: string): string[] {
  const policies = Object.values(resourcesOf(template, 'AWS::IAM::Policy'));
  const ofRole = policies.filter((policy) => policy.Properties.Roles.map(readable).includes(role));
  return ofRole.flatMap((policy) => policy.Properties.PolicyDocument.Statement.flatMap(grants)).sort();
}

function grants(statement: { Action: string | string[]; Resource: unknown }): string[] {
  const resources = [statement.Resource].flat().map(readable);
  return [statement.Action].flat().flatMap((action) => resources.map((resource) => `${action} ${resource}`));
}

function withoutHash(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}$/, '');
}

/** Returns every construct with an acknowledged rule, without the finding. */
export function acknowledgedRules(scope: Stack): string[] {
  const found = scope.node.findAll().flatMap(({ node }) => {
    const entries = node.metadata.filter((entry) => entry.type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
    const ids = entries.flatMap((entry) => Object.keys(entry.data));
    return ids.map(
      (id) => `${node.path.replace('Broker/Default/', '')} ${id.replace(/^.*::(?=AwsSolutions)|\[.*$/g, '')}`,
    );
  });
  return [...new Set(found)].sort();
}
