import { useEffect, useState } from 'preact/hooks';
import type { Observable } from '../model/observable';

/** Draws a component anew when one of these changes, once a frame at most, however often they do. */
export function useObserved(...observed: readonly (Observable | undefined)[]): void {
  const [, draw] = useState(0);
  useEffect(() => {
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
  }, observed);
}

/** Calls at once and then every so often, while the page is seen. */
export function useInterval(act: () => void, milliseconds: number): void {
  useEffect(() => {
    const whenSeen = () => {
      if (document.visibilityState === 'visible') act();
    };
    whenSeen();
    const timer = setInterval(whenSeen, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}
