/** Who is calling? Used by the HTTP API and by protocols whose clients carry keys. Source: DESIGN.md, "Who may listen". */
import type { KeyKind } from "../log/store.ts";

export interface Caller {
  merchantId: string;
  keyId: string;
  kind: KeyKind;
}

export interface Authenticator {
  /** `null` for a key that is unknown or revoked. Constant time in the key's content (it is looked up by hash). */
  callerOf(key: string): Promise<Caller | null>;
  /** The merchant of a wire without a key: by host name, by a publishable key in the query, or the only one there is.
   * `null` when that is ambiguous. */
  merchantOf(request: { host: string | undefined; publishableKey: string | null }): Promise<string | null>;
}

/** The key in `Authorization: Bearer …`, or `null`. */
export function bearerKey(header: string | undefined): string | null {
  const match = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(header ?? "");
  return match ? (match[1] as string) : null;
}
