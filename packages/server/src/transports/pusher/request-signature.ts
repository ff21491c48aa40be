/**
 * Is a call of the HTTP API signed with the secret of the app? The time in it is checked too: otherwise whoever has
 * seen one signed call could repeat it for ever.
 * Source: Pusher Channels, "HTTP API: Authentication".
 */
import { createHash } from "node:crypto";
import type { PusherApp } from "./apps.ts";
import { isSignedBy } from "./signatures.ts";

export interface SignedRequest {
  method: string;
  /** As it stands in the request line, query included. */
  url: string;
  /** Empty: none. */
  body: string;
}

const TOLERANCE_SECONDS = 600;

/** Why the call is not taken, in words; `null`: it is. */
export function signatureProblem(app: PusherApp | null, request: SignedRequest, nowMs: number): string | null {
  const [path = "", query = ""] = splitOnce(request.url, "?");
  const given = parametersOf(query);
  if (given === null) return "The query cannot be read";
  const { auth_key = "", auth_timestamp = "", auth_version, auth_signature = "", body_md5 } = Object.fromEntries(given);
  if (app?.secret == null || !app.keys.includes(auth_key)) return "auth_key is not a key of this app";
  if (auth_version !== "1.0") return "auth_version must be 1.0";
  if (!/^[0-9]{1,12}$/.test(auth_timestamp)) return "auth_timestamp must be a Unix time in seconds";
  const awaySeconds = Math.abs(Math.floor(nowMs / 1_000) - Number(auth_timestamp));
  if (awaySeconds > TOLERANCE_SECONDS)
    return `auth_timestamp is more than ${TOLERANCE_SECONDS} s from the server's time`;
  const text = [request.method.toUpperCase(), path, signedQuery(given)].join("\n");
  if (!isSignedBy(app.secret, text, auth_signature)) return "auth_signature is not that of this request";
  const md5 = request.body === "" ? undefined : createHash("md5").update(request.body).digest("hex");
  if (md5 !== undefined && body_md5 !== md5) return "body_md5 is not that of the body";
  return null;
}

/** By name in lower case, a name that comes twice as often as it comes. `null`: not percent-encoded UTF-8. */
function parametersOf(query: string): [string, string][] | null {
  try {
    return query
      .split("&")
      .filter((part) => part !== "")
      .map((part) => splitOnce(part, "="))
      .map(([name, value = ""]) => [decodeURIComponent(name).toLowerCase(), decodeURIComponent(value)]);
  } catch {
    // The caller is told by whoever asked.
    return null;
  }
}

function signedQuery(parameters: readonly [string, string][]): string {
  return parameters
    .filter(([name]) => name !== "auth_signature")
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
