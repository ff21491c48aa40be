/** Which channels somebody is on, and how many: for the HTTP API. Each change costs the same, however many there are. */

export class Occupancy {
  readonly #channels = new Map<string, Map<string, number>>();

  enter(appId: string, channel: string): void {
    let counts = this.#channels.get(appId);
    if (!counts) {
      counts = new Map();
      this.#channels.set(appId, counts);
    }
    counts.set(channel, (counts.get(channel) ?? 0) + 1);
  }

  leave(appId: string, channel: string): void {
    const counts = this.#channels.get(appId);
    const left = (counts?.get(channel) ?? 0) - 1;
    if (left > 0) counts?.set(channel, left);
    else counts?.delete(channel);
  }

  /** Subscriptions to this channel. */
  count(appId: string, channel: string): number {
    return this.#channels.get(appId)?.get(channel) ?? 0;
  }

  /** The occupied channels with their subscriptions. */
  of(appId: string): ReadonlyMap<string, number> {
    return this.#channels.get(appId) ?? new Map();
  }
}
