/** Server-sent events as bytes. Source: WHATWG HTML, section 9.2. */

export interface SseMessage {
  /** Comes back as `Last-Event-ID`. One line. */
  id?: string;
  /** Left out: the message reaches `onmessage`. One line. */
  event?: string;
  /** Any text; each of its lines becomes a `data:` line, and the client joins them again. */
  data: string;
}

/** @throws Error when `id` or `event` has a line break or, in the id, a NUL: the client would read something else. */
export function sseMessage(message: SseMessage): Buffer {
  let text = "";
  if (message.event !== undefined) text += `event: ${oneLine(message.event)}\n`;
  if (message.id !== undefined) text += `id: ${oneLine(message.id)}\n`;
  for (const line of message.data.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  return Buffer.from(`${text}\n`);
}

/** What the client does not see, and what keeps proxies from closing a quiet connection. */
export const SSE_HEARTBEAT = Buffer.from(": beat\n\n");

/** How long the client waits before it reconnects. */
export function sseRetry(retryMs: number): Buffer {
  return Buffer.from(`retry: ${Math.round(retryMs)}\n\n`);
}

function oneLine(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new Error("A field of a server-sent event has a line break or NUL.");
  return text;
}
