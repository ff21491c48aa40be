/** So many frames to each of many clients, counted: what the scenarios about fan-out share. */
import type { WsLoadOptions, WsLoadResult } from "./generators.ts";
import { mustHold, type Sample } from "./scenario.ts";

export interface FrameCount {
  clients: number;
  /** Frames to each client that are timed; a quarter as many come before, as warm-up. */
  frames: number;
}

/** Between looks at the sockets, so that the generator reads several frames at once and is never the limit. */
const GATHER_MS = 5;
export const SECONDS_MAX = 300;

export const warmUp = ({ frames }: FrameCount): number => Math.ceil(frames / 4);

export function counting(
  size: FrameCount,
): Pick<WsLoadOptions, "connections" | "skip" | "frames" | "gather" | "seconds"> {
  const skip = warmUp(size) * size.clients;
  return {
    connections: size.clients,
    skip,
    frames: skip + size.frames * size.clients,
    gather: GATHER_MS,
    seconds: SECONDS_MAX,
  };
}

/** @param usedUs The server's processor time, warm-up included. */
export function frameSample(
  size: FrameCount,
  result: WsLoadResult,
  usedUs: number,
  details: Sample["details"] = {},
): Sample {
  mustHold(
    result.closed === 0,
    `${result.closed} clients were cut off: ${result.firstCloseCode} ${result.firstCloseReason}`,
  );
  mustHold(result.timedFrames >= size.frames * size.clients, `only ${result.timedFrames} frames came`);
  return {
    value: result.framesPerSecond,
    details: {
      ...details,
      "bytes/frame": result.timedBytes / result.timedFrames,
      "server CPU µs/frame": usedUs / result.frames,
      "generator CPU": result.cpuShare,
    },
  };
}
