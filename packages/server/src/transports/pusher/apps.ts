/** The apps that clients connect to and that backends sign for. Source: Pusher Channels protocol, "Connection". */

export interface PusherApp {
  /** In the paths of the HTTP API. */
  readonly id: string;
  /** Any of them; public: every page that connects carries one. The first is the one that signs. */
  readonly keys: readonly string[];
  /** Signs channels and calls of the HTTP API. `null`: there are no private channels, and no HTTP API. */
  readonly secret: string | null;
  /** 32 bytes, for `private-encrypted-` channels. `null`: there are none. */
  readonly encryptionMasterKey: Buffer | null;
  /** The secret may authorise clients for channels of this merchant only. `null`: for everybody's. */
  readonly merchantId: string | null;
}

export class PusherApps {
  readonly #byKey: ReadonlyMap<string, PusherApp>;
  readonly #byId: ReadonlyMap<string, PusherApp>;

  /** @param apps without an id or a key twice */
  constructor(apps: readonly PusherApp[]) {
    this.#byId = new Map(apps.map((app) => [app.id, app]));
    this.#byKey = new Map(apps.flatMap((app) => app.keys.map((key) => [key, app] as const)));
  }

  withKey(key: string): PusherApp | null {
    return this.#byKey.get(key) ?? null;
  }

  withId(id: string): PusherApp | null {
    return this.#byId.get(id) ?? null;
  }

  /** The app whose clients a merchant's backend authorises: his own, else the first one with a secret that is
   * nobody's in particular. */
  signingFor(merchantId: string): PusherApp | null {
    const able = [...this.#byId.values()].filter(({ secret }) => secret !== null);
    return able.find((app) => app.merchantId === merchantId) ?? able.find((app) => app.merchantId === null) ?? null;
  }
}
