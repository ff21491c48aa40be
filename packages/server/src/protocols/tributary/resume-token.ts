/**
 * What a client of Socket.IO 4.6 or later keeps of us and brings back when it reconnects: the last text that came as the
 * last argument of an event. It says what the client follows and how far it has heard, so that a client that subscribed
 * only once is subscribed again, after a restart of the server and on another node too, and nothing is stored for it.
 *
 * It comes from outside: what stands in it is asked for, not believed. Whoever writes one himself gets what `subscribe`
 * would give him.
 */
import { trackingIdFrom } from "./tracking-id.ts";

export interface ResumePoint {
  /** A position of the log: everything up to there was told. */
  at: string;
  trackingIds: readonly string[];
}

/** The newest ids that fit: the client sends it in a message that must not be larger than `messageBytes`. */
const TOKEN_CHARS = 8_000;
const POSITION_CHARS = 100;

export function resumeToken({ at, trackingIds }: ResumePoint): string {
  let room = TOKEN_CHARS - POSITION_CHARS;
  const kept: string[] = [];
  for (const trackingId of trackingIds.toReversed()) {
    room -= JSON.stringify(trackingId).length + 1;
    if (room < 0) break;
    kept.push(trackingId);
  }
  return JSON.stringify({ at, ids: kept.reverse() });
}

/** `null`: not one of ours. Ids that are none are left out. */
export function parseResumeToken(text: string): ResumePoint | null {
  if (text.length > TOKEN_CHARS) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Another server's, or nobody's: the client starts afresh.
    return null;
  }
  const { at, ids } = (value ?? {}) as { at?: unknown; ids?: unknown };
  if (typeof at !== "string" || at.length > POSITION_CHARS || !Array.isArray(ids)) return null;
  const trackingIds = ids.map(trackingIdFrom).filter((id) => id !== null);
  return { at, trackingIds: [...new Set(trackingIds)] };
}
