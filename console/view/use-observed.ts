import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Observable } from '../model/observable';

/** Whether what is drawn can be seen: what cannot need not keep up. */
export const Shown = createContext(true);

/** Draws a component anew when one of these changes, once a frame at most, however often they do. */
export function useObserved(...observed: readonly (Observable | undefined)[]): void {
  const [, draw] = useState(0);
  const isShown = useContext(Shown);
  useEffect(() => {
    if (!isShown) return;
    let frame = 0;
    const atNextFrame = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        draw((count) => count + 1);
      });
    };
    const ends = observed.map((each) => each?.watch(atNextFrame));
    atNextFrame(); // what changed between drawing and now
    return () => {
      cancelAnimationFrame(frame);
      for (const end of ends) end?.();
    };
  }, [...observed, isShown]);
}

/** Calls at once and then every so often, while it can be seen. */
export function useInterval(act: () => void, milliseconds: number): void {
  const isShown = useContext(Shown);
  useEffect(() => {
    if (!isShown) return;
    const whenSeen = () => {
      if (document.visibilityState === 'visible') act();
    };
    whenSeen();
    const timer = setInterval(whenSeen, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds, isShown]);
}
