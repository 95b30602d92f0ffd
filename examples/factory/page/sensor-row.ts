const svg = 'http://www.w3.org/2000/svg';
const historyLength = 30;

/** One sensor in the card of its machine: name, state, last value and a chart of the last 30 values. */
export class SensorRow {
  private readonly row = document.createElement('li');
  private readonly state = textIn('state');
  private readonly value = textIn('value');
  private readonly line = document.createElementNS(svg, 'polyline');
  private readonly history: number[] = [];

  constructor(name: string, list: HTMLElement) {
    const title = textIn('name');
    title.textContent = name;
    this.row.append(title, this.state, this.value, chartOf(this.line));
    const next = [...list.children].find((other) => (other.firstChild?.textContent ?? '') > name);
    list.insertBefore(this.row, next ?? null);
  }

  /** Shows ALIVE, or DEAD from the sensor's will. */
  showState(state: string): void {
    this.state.textContent = state;
    this.row.classList.toggle('dead', state === 'DEAD');
  }

  showValue(shown: string): void {
    this.value.textContent = shown;
    const number = Number.parseFloat(shown);
    if (Number.isNaN(number)) return;
    this.history.push(number);
    if (this.history.length > historyLength) this.history.shift();
    this.line.setAttribute('points', pointsOf(this.history));
  }
}

function textIn(className: string): HTMLElement {
  const text = document.createElement('span');
  text.className = className;
  return text;
}

function chartOf(line: SVGElement): SVGElement {
  const chart = document.createElementNS(svg, 'svg');
  chart.setAttribute('viewBox', `0 -1 ${historyLength} 22`);
  chart.setAttribute('preserveAspectRatio', 'none');
  chart.setAttribute('aria-hidden', 'true');
  chart.append(line);
  return chart;
}

/** Points of the chart: the newest value at the right edge, the lowest at the bottom. */
function pointsOf(history: readonly number[]): string {
  const min = Math.min(...history);
  const range = Math.max(...history) - min || 1;
  const left = historyLength - history.length;
  return history.map((value, index) => `${left + index},${20 - ((value - min) / range) * 20}`).join(' ');
}
