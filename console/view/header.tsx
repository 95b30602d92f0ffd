import { useState } from 'preact/hooks';
import type { ConsoleModel } from '../model/console-model';
import { formatDollars } from '../model/costs';
import { nextTheme, storedTheme, type Theme, useTheme } from './theme';
import { useInterval, useObserved } from './use-observed';

const tickMilliseconds = 1_000;

/** Header of the page: state of the connection, message rates, bill. */
export function Header({ model }: { readonly model: ConsoleModel }) {
  const { session } = model;
  useObserved(session);
  return (
    <header class="top">
      <h1>
        cirrus-mqtt <span class="muted">console</span>
      </h1>
      <p class={`status ${session.status}`} role="status" aria-label="Connection">
        <span class={`dot ${session.status}`} />
        <span>{session.status}</span>
        <span class="muted welcome">{session.status === 'online' && session.sessionInfo}</span>
      </p>
      <span class="grow" />
      <Statistics model={model} />
      <ThemeSwitch />
    </header>
  );
}

function Statistics({ model: { traffic, costs } }: { readonly model: ConsoleModel }) {
  const [now, setNow] = useState(0);
  useInterval(() => {
    setNow(Date.now());
    costs?.refresh(Date.now());
  }, tickMilliseconds);
  useObserved(costs);
  const rate = (perSecond: number) => perSecond.toFixed(perSecond < 10 ? 1 : 0);
  return (
    <dl class="numbers">
      <div title="Messages per second that this page receives and publishes">
        <dt>page</dt>
        <dd>
          ↓{rate(traffic.perSecond('in', now))} ↑{rate(traffic.perSecond('out', now))}
        </dd>
      </div>
      {costs && (
        <div title="Frames per second from and to all clients of the broker">
          <dt>broker</dt>
          <dd>
            ↓{rate(costs.brokerRates.out)} ↑{rate(costs.brokerRates.in)}
          </dd>
        </div>
      )}
      {costs?.bill && (
        <div title="Cost on AWS">
          <dt>bill</dt>
          <dd>{formatDollars(costs.bill.dollars)}</dd>
        </div>
      )}
    </dl>
  );
}

const symbols: Readonly<Record<Theme, string>> = { system: '◐', light: '☀', dark: '☾' };

function ThemeSwitch() {
  const [theme, setTheme] = useState(storedTheme);
  useTheme(theme);
  return (
    <button
      type="button"
      class="small"
      aria-label={`Colours: ${theme}`}
      title={`Colours: ${theme}`}
      onClick={() => setTheme(nextTheme(theme))}
    >
      {symbols[theme]}
    </button>
  );
}
