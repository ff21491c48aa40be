/** What a client of the native WebSocket sends: text → StreamRequest. Strict, as the HTTP API is. */
import type { StreamRequest } from "@paybell/protocol";
import { PaybellError } from "../../kit/errors.ts";

/** Field → required? Every field is a string. */
const FIELDS = {
  auth: { key: true },
  subscribe: { topic: true, after: false },
  unsubscribe: { topic: true },
  ping: {},
} as const satisfies Record<StreamRequest["type"], Record<string, boolean>>;

/** The longest string in a request; keys, topics and positions are all shorter. */
const MAX_FIELD_CHARS = 1_024;

/** @throws PaybellError invalid_json, invalid_request naming the field and what is allowed */
export function parseStreamRequest(text: string): StreamRequest {
  const message = parseObject(text);
  const { type } = message;
  if (typeof type !== "string" || !Object.hasOwn(FIELDS, type)) {
    throw new PaybellError("invalid_request", "The type of the message is not known.", {
      field: "type",
      allowed: Object.keys(FIELDS),
    });
  }
  const fields: Record<string, boolean> = FIELDS[type as StreamRequest["type"]];
  for (const [field, value] of Object.entries(message)) {
    if (field === "type") continue;
    if (!Object.hasOwn(fields, field)) {
      throw invalid(field, `A message of type ${type} has no such field.`, Object.keys(fields));
    }
    if (typeof value !== "string" || value.length > MAX_FIELD_CHARS) {
      throw invalid(field, `It must be a string of at most ${MAX_FIELD_CHARS} characters.`);
    }
  }
  for (const [field, required] of Object.entries(fields)) {
    if (required && !Object.hasOwn(message, field)) throw invalid(field, `A message of type ${type} needs it.`);
  }
  return message as unknown as StreamRequest;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PaybellError("invalid_json", "The message is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new PaybellError("invalid_request", "The message must be a JSON object.");
  }
  return value as Record<string, unknown>;
}

function invalid(field: string, what: string, allowed?: readonly string[]): PaybellError {
  return new PaybellError("invalid_request", `${field}: ${what}`, allowed ? { field, allowed } : { field });
}
