import { join } from 'node:path';
import { startBrowser } from '../support/browser';
import { commandsOf, Stage } from './support/stage';

const picture = join(__dirname, '../../docs/images/example-factory.png');

/** Takes the screenshot of the dashboard for the documents, with a dead machine and an alarm. */
async function main(): Promise<void> {
  const [stage, browser] = await Promise.all([Stage.open(), startBrowser()]);
  const factory = stage.type(commandsOf('factory')[0]!, '--port', '0', '--fail-every', '12');
  const [, address = ''] = await factory.says(/dashboard: (http:\S+)\n/);
  const page = await browser.newPage({ viewport: { width: 1000, height: 100 }, deviceScaleFactor: 1.5 });
  await page.goto(address);
  await page.locator('article', { hasText: 'Press' }).locator('li.dead').nth(1).waitFor();
  await page.screenshot({ path: picture, fullPage: true });
  await browser.close();
  await stage.close();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
