import { isThrottling } from '../throttling';

/**
 * Middleware of an SDK client that calls `onThrottle` for every throttled attempt. Add it at the end of the step
 * `finalizeRequest`: the SDK's retries are outside of it.
 */
export function throttleCounter(onThrottle: () => void) {
  return <Args, Output>(next: (args: Args) => Promise<Output>) =>
    async (args: Args): Promise<Output> => {
      try {
        return await next(args);
      } catch (error) {
        if (isThrottling(error as Error)) onThrottle();
        throw error;
      }
    };
}
