/** Each source by itself: is it the right network, can it do what is needed, where is its head? */
import { performance } from "node:perf_hooks";
import { messageOf } from "../../kit/errors.ts";
import type { EndpointReading } from "../probe.ts";
import { BlockGone, type BlockSource } from "./block-source.ts";
import { within } from "./within.ts";

/** All at the same time. */
export async function probeSources(
  sources: readonly BlockSource[],
  timeoutMs: number,
): Promise<readonly EndpointReading[]> {
  return Promise.all(sources.map((source) => probeSource(source, timeoutMs)));
}

async function probeSource(source: BlockSource, timeoutMs: number): Promise<EndpointReading> {
  const reading: EndpointReading = {
    name: source.name,
    problem: null,
    advisory: null,
    isEssential: true,
    head: null,
    latencyMs: null,
  };
  try {
    await within(timeoutMs, source.name, async () => {
      reading.advisory = await source.check();
      const beganAt = performance.now();
      const { height } = await source.head();
      reading.latencyMs = performance.now() - beganAt;
      reading.head = { height, timeMs: null };
      reading.head = { height, timeMs: await timeOf(source, height) };
    });
  } catch (error) {
    reading.problem = messageOf(error);
  }
  return reading;
}

/** `null`: the chain has moved, or there is no block at this height. */
async function timeOf(source: BlockSource, height: number): Promise<number | null> {
  try {
    return (await source.blockAt(height)).ref.timeMs;
  } catch (error) {
    if (error instanceof BlockGone) return null;
    throw error;
  }
}
