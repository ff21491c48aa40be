/** What a client sends on the HTTP fallback: a JSON array of messages. */
import type { IncomingMessage } from "node:http";

/** `null`: larger than this; the rest is not read. Rejects when the client breaks off. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return null;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** `null`: no array of texts. */
export function messagesIn(body: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(body);
    return Array.isArray(value) && value.every((entry) => typeof entry === "string") ? value : null;
  } catch {
    // Not JSON: the client is told by the caller.
    return null;
  }
}
