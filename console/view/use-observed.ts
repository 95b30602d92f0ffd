import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Observable } from '../model/observable';

/** False inside hidden tabs, which need no updates. */
export const IsVisible = createContext(true);

/** Renders a component again after changes of these objects, at most once per animation frame. */
export function useObserved(...observed: readonly (Observable | undefined)[]): void {
  const [, draw] = useState(0);
  const isShown = useContext(IsVisible);
  useEffect(() => {
    if (!isShown) return;
    let frame = 0;
    const atNextFrame = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        draw((count) => count + 1);
      });
    };
    const ends = observed.map((each) => each?.observe(atNextFrame));
    atNextFrame(); // For changes between the render and this effect.
    return () => {
      cancelAnimationFrame(frame);
      for (const end of ends) end?.();
    };
  }, [...observed, isShown]);
}

/** Calls a function immediately and then periodically, while the component and the page are visible. */
export function useInterval(act: () => void, milliseconds: number): void {
  const isShown = useContext(IsVisible);
  useEffect(() => {
    if (!isShown) return;
    const actIfVisible = () => {
      if (document.visibilityState === 'visible') act();
    };
    actIfVisible();
    const timer = setInterval(actIfVisible, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds, isShown]);
}
