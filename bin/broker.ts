import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { BrokerStack } from '../lib/broker-stack';
import { contextKey, readOptions } from '../lib/options';

const app = new App();
const options = readOptions(app.node.tryGetContext(contextKey));
new BrokerStack(app, options.brokerName, { options });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
