/** Reading an answer without believing what it says about its own size. */

export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/**
 * The text of an answer, counted after decompression.
 * @throws TooLarge as soon as it is; what the stream throws
 */
export async function readBounded(response: Response, maxBytes: number): Promise<string> {
  if (!response.body) return "";
  const parts: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the stream.
  for await (const part of response.body) {
    bytes += part.byteLength;
    if (bytes > maxBytes) throw new TooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts, bytes).toString("utf8");
}
