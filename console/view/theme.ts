import { useLayoutEffect } from 'preact/hooks';

/** Colour scheme; `system` follows the preference of the browser. */
export type Theme = 'system' | 'light' | 'dark';

const themes = ['system', 'light', 'dark'] as const satisfies readonly Theme[];
const key = 'cirrus-mqtt-theme';

export function nextTheme(theme: Theme): Theme {
  return themes[(themes.indexOf(theme) + 1) % themes.length]!;
}

/** Reads the stored choice of this browser. */
export function storedTheme(): Theme {
  const stored = localStorage.getItem(key);
  return themes.find((theme) => theme === stored) ?? 'system';
}

export function useTheme(theme: Theme): void {
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(key, theme);
  }, [theme]);
}
