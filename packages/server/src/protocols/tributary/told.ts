/** Which executions one connection was told of: none is told twice, whatever the chain does. */
export class Told {
  readonly #capacity: number;
  /** In the order in which they were told. */
  readonly #ids = new Set<string>();

  /** @param capacity executions remembered; beyond it the one told first is forgotten. One is told again only if its
   * transfer left its block and came back after so many others */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** False when it was told before. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.#capacity) this.#ids.delete(this.#ids.values().next().value as string);
    return true;
  }
}
