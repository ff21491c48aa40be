/** What to say when no endpoint is left: the reason of each. */
import { BlocksMissing, EndpointFailure, NodeProblem } from "./block-source.ts";
import type { Endpoint } from "./endpoint.ts";

/** @param missing from those that answered, but no longer have the blocks */
export function exhausted(
  chain: string,
  endpoints: readonly Endpoint[],
  missing: readonly BlocksMissing[],
): EndpointFailure | NodeProblem {
  const troubles = endpoints.flatMap(({ trouble }) => (trouble ? [trouble] : []));
  const [lacking] = missing;
  const reasons = [...missing, ...troubles].map(({ message }) => message).join(" ");
  if (lacking) return endpoints.length === 1 ? lacking : new BlocksMissing(reasons, lowest(missing));
  const [only] = troubles;
  if (only && endpoints.length === 1) return again(only, endpoints);
  const message = `No endpoint of ${chain} can be followed. ${reasons}`;
  if (troubles.every((trouble) => trouble instanceof NodeProblem)) return new NodeProblem(message);
  return new EndpointFailure(message, { retryAfterMs: shortestWaitMs(endpoints) });
}

/** The same once more, with the time that is left. */
function again(error: EndpointFailure | NodeProblem, endpoints: readonly Endpoint[]): EndpointFailure | NodeProblem {
  if (error instanceof NodeProblem) return error;
  return new EndpointFailure(error.message, { retryAfterMs: shortestWaitMs(endpoints), cause: error });
}

function shortestWaitMs(endpoints: readonly Endpoint[]): number {
  return Math.min(...endpoints.map((endpoint) => endpoint.waitMs()));
}

function lowest(missing: readonly BlocksMissing[]): number | null {
  const heights = missing.flatMap(({ firstHeight }) => (firstHeight === null ? [] : [firstHeight]));
  return heights.length === 0 ? null : Math.min(...heights);
}
