/** Who may connect, whatever carries the messages. */
import type { Closing } from "../websocket/connection.ts";
import type { PusherApp, PusherApps } from "./apps.ts";
import { REFUSALS } from "./close-codes.ts";

/** Metrics and logs know all of its connections by this name. */
export const PROTOCOL = "pusher";

const VERSIONS = { oldest: 5, newest: 7 };
/** From here on a close code says everything; before, an error is sent first. */
const CLOSES_WITHOUT_ERROR = 6;

/** The app, or why the client must not have it. */
export function admit(apps: PusherApps, key: string, url: URL): PusherApp | Closing {
  const version = url.searchParams.get("protocol");
  if (version === null) return REFUSALS.noProtocol;
  if (!/^[0-9]{1,9}$/.test(version)) return REFUSALS.version;
  if (Number(version) < VERSIONS.oldest || Number(version) > VERSIONS.newest) return REFUSALS.protocol;
  return apps.withKey(key) ?? REFUSALS.unknownKey;
}

/** Does this client's version of the protocol have an error before the close? */
export function wantsError(url: URL): boolean {
  const version = Number(url.searchParams.get("protocol") ?? Number.NaN);
  return version < CLOSES_WITHOUT_ERROR;
}
