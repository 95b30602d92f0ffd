import { render } from 'preact';
import type { ConsoleConfig } from './config';
import { Workbench } from './model/console-model';
import { App } from './view/app';

async function start(): Promise<void> {
  const root = document.getElementById('app')!;
  const response = await fetch('./config.json');
  if (!response.ok) throw new Error(`config.json: HTTP ${response.status}`);
  const config: ConsoleConfig = await response.json();
  const bench = new Workbench(config, addressOf(config), location.origin);
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
    if (effectiveDirective === 'connect-src') bench.session.blocked(blockedURI);
  });
  render(<App bench={bench} />, root);
}

/** `ws://` where the page came over http, `wss://` where it came over https. */
function addressOf({ broker }: ConsoleConfig): string {
  const url = new URL(broker, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

start().catch((error: Error) => {
  document.getElementById('app')!.textContent = `The console cannot start: ${error.message}`;
});
