import { render } from 'preact';
import type { ConsoleConfig } from './config';
import { ConsoleModel } from './model/console-model';
import { App } from './view/app';

async function start(): Promise<void> {
  const root = document.getElementById('app')!;
  const response = await fetch('./config.json');
  if (!response.ok) throw new Error(`config.json: HTTP ${response.status}`);
  const config: ConsoleConfig = await response.json();
  const model = new ConsoleModel(config, addressOf(config), location.origin);
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
    if (effectiveDirective === 'connect-src') model.session.handlePolicyViolation(blockedURI);
  });
  render(<App model={model} />, root);
}

/** Returns the address of the broker: `ws://` for a page from `http://`, `wss://` for `https://`. */
function addressOf({ broker }: ConsoleConfig): string {
  const url = new URL(broker, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

start().catch((error: Error) => {
  document.getElementById('app')!.textContent = `The console cannot start: ${error.message}`;
});
