/** The cursor of a list: the place behind which its next page starts, as opaque text. */
import { PaybellError } from "../kit/errors.ts";

/** The place behind which a page starts. */
export interface ListAnchor {
  createdAtMs: number;
  id: string;
}

export function formatAnchor(anchor: ListAnchor): string {
  return Buffer.from(`${anchor.createdAtMs}.${anchor.id}`).toString("base64url");
}

/** @throws PaybellError `invalid_cursor` when it is not the `next` of a page */
export function parseAnchor(text: string, of: string): ListAnchor {
  const match = /^(\d{1,15})\.(.+)$/s.exec(Buffer.from(text, "base64url").toString());
  if (!match) throw new PaybellError("invalid_cursor", `\`after\` is not the \`next\` of a page of ${of}.`);
  return { createdAtMs: Number(match[1]), id: match[2] as string };
}
