/** Where a session token is looked for: `auth.token` of the handshake, then the shop's own cookie. */

/** The cookie in which the shop's backend keeps its session. */
const SESSION_COOKIE = "accessToken";

/** From outside and unchecked; `null`: none was brought. */
export function presentedToken(
  cookies: string | undefined,
  auth: Readonly<Record<string, unknown>> = {},
): string | null {
  if (typeof auth.token === "string" && auth.token !== "") return auth.token;
  return cookieOf(cookies);
}

function cookieOf(header: string | undefined): string | null {
  for (const pair of (header ?? "").split(";")) {
    const at = pair.indexOf("=");
    // A JWT has no character that a cookie would have to escape.
    if (at !== -1 && pair.slice(0, at).trim() === SESSION_COOKIE) return pair.slice(at + 1).trim() || null;
  }
  return null;
}
