/**
 * Which web pages may use keys and cookies. Paths that need only a payment's id are open to every origin: the id is the
 * capability, and nothing that a browser adds by itself is of use there.
 * Source: DESIGN.md, "Who may listen".
 */

const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?$/;

export interface Origins {
  mode: "sandbox" | "live";
  allowedOrigins: readonly string[];
}

/** Those that are configured; in the sandbox every loopback origin too. */
export function mayUseKeys(origin: string, { mode, allowedOrigins }: Origins): boolean {
  return allowedOrigins.includes(origin) || (mode === "sandbox" && LOOPBACK_ORIGIN.test(origin));
}
