import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import type { ConsoleConfig } from '../../../console/config';

interface Login {
  readonly clientId?: string;
  readonly version?: '5.0' | '3.1.1';
  readonly username?: string;
  readonly password?: string;
  readonly will?: { readonly topic: string; readonly payload: string };
}

/** Driver of the console in a browser. */
export class Visitor {
  /** Errors of the browser: policy violations, exceptions. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
  }

  /** Opens the page. `config` replaces the server's config.json. */
  static async open(
    browser: Browser,
    url: string,
    { config, ...options }: BrowserContextOptions & { readonly config?: ConsoleConfig } = {},
  ): Promise<Visitor> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(30_000);
    if (config) await context.route('**/config.json', (route) => route.fulfill({ json: config }));
    const visitor = new Visitor(context, await context.newPage());
    await visitor.page.goto(url);
    return visitor;
  }

  /** Closes the tab abruptly, as a kill does. */
  leave(): Promise<void> {
    return this.context.close();
  }

  async fillIn({ clientId, version, username, password, will }: Login): Promise<void> {
    const { page } = this;
    if (clientId !== undefined) await page.getByLabel('Client id').fill(clientId);
    if (version !== undefined) await page.getByLabel('MQTT', { exact: true }).selectOption(version);
    if (username !== undefined) {
      await page.getByLabel('Login').selectOption('user name and password');
      await page.getByLabel('User name').fill(username);
      await page.getByLabel('Password').fill(password ?? '');
    }
    if (will) {
      await page.getByText('Will', { exact: true }).click();
      await page.getByLabel('Will topic').fill(will.topic);
      await page.getByLabel('Will payload').fill(will.payload);
    }
  }

  async connect(login: Login = {}): Promise<void> {
    await this.fillIn(login);
    await this.press('Connect');
    await this.sees('online');
  }

  /** Waits for the state of the connection. */
  async sees(status: 'online' | 'offline' | 'reconnecting'): Promise<void> {
    await this.page.getByRole('status', { name: 'Connection' }).getByText(status, { exact: true }).waitFor();
  }

  async subscribe(filter: string, qos: '0' | '1' | '2' = '1'): Promise<void> {
    await this.page.getByLabel('Topic filter').fill(filter);
    await this.page.getByRole('form', { name: 'Subscribe' }).getByLabel('QoS').selectOption(qos);
    await this.press('Subscribe');
    await this.page.getByRole('button', { name: `Unsubscribe from ${filter}`, exact: true }).waitFor();
  }

  async publish(topic: string, payload: string, qos: '0' | '1' | '2' = '1', retain = false): Promise<void> {
    const form = this.publishForm;
    await form.getByLabel('Topic', { exact: true }).fill(topic);
    await form.getByLabel('Payload', { exact: true }).fill(payload);
    await form.getByLabel('QoS').selectOption(qos);
    await form.getByLabel('Retain').setChecked(retain);
    await this.press('Publish');
  }

  /** Returns the outcome of the last publish. */
  async outcome(): Promise<string> {
    const status = this.publishForm.getByRole('status');
    await status.filter({ hasText: /./ }).waitFor();
    return (await status.textContent()) ?? '';
  }

  async press(button: string): Promise<void> {
    await this.page.getByRole('button', { name: button, exact: true }).click();
  }

  async goTo(tab: 'Messages' | 'Topics' | 'Clients' | 'Costs'): Promise<void> {
    await this.page.getByRole('tab', { name: tab }).click();
  }

  get publishForm(): Locator {
    return this.page.getByRole('form', { name: 'Publish' });
  }

  message(text: string): Locator {
    return this.page.getByRole('listbox', { name: 'Messages' }).getByRole('option').filter({ hasText: text });
  }

  client(clientId: string): Locator {
    return this.page.getByRole('listbox', { name: 'Clients' }).getByRole('option').filter({ hasText: clientId });
  }

  topic(level: string): Locator {
    return this.page.getByRole('treeitem').filter({ hasText: level });
  }

  details(what: 'Message' | 'Topic' | 'Client'): Locator {
    return this.page.getByRole('region', { name: what, exact: true });
  }
}
