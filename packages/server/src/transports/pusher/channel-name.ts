/** Channel names and what their prefixes say. Source: Pusher Channels protocol, "Channels"; pusher-js. */
import type { ChannelName } from "./channels.ts";

const ALLOWED = /^[A-Za-z0-9_\-=@,.;]+$/;

/** Longer prefixes stand before those that they begin with. */
const PREFIXES: readonly { prefix: string; kind: ChannelName["kind"]; cached: boolean }[] = [
  { prefix: "private-encrypted-cache-", kind: "private-encrypted", cached: true },
  { prefix: "private-encrypted-", kind: "private-encrypted", cached: false },
  { prefix: "private-cache-", kind: "private", cached: true },
  { prefix: "private-", kind: "private", cached: false },
  { prefix: "cache-", kind: "public", cached: true },
];

/** `null`: no such channel can be. Presence channels are not told apart here: ask `isPresence` first. */
export function parseChannelName(full: string, maxChars: number): ChannelName | null {
  if (full.length > maxChars || !ALLOWED.test(full)) return null;
  const found = PREFIXES.find(({ prefix }) => full.startsWith(prefix));
  if (!found) return { full, base: full, kind: "public", cached: false };
  const base = full.slice(found.prefix.length);
  return base === "" ? null : { full, base, kind: found.kind, cached: found.cached };
}

/** Channels that tell who else is on them, which nobody is told here. */
export function isPresence(full: string): boolean {
  return full.startsWith("presence-");
}
