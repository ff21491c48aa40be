/** A bound for what has perhaps none of its own: a socket on which nothing comes any more, a library without a deadline. */
import { EndpointFailure } from "./block-source.ts";

export class Stalled extends EndpointFailure {}

/** @throws Stalled after `ms`; what `ask` throws. What comes later is not looked at. */
export async function within<T>(ms: number, name: string, ask: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Stalled(`${name} has not answered within ${ms} ms: it hangs, or the network between does.`));
  }, ms);
  try {
    return await Promise.race([ask(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
