/** Clients of Crypto Shop, Tributary and Transak: everything at least once, and on each connection in order, without a gap,
 * nothing twice. */
import type { PaymentEvent } from "@paybell/protocol";
import type { Witness } from "../clients/witnesses.ts";
import { type ComparisonOptions, compareNews, type Told } from "../expected-news.ts";
import type { Findings, Listener } from "./listener.ts";
import type { LogView } from "./log-view.ts";

export type News = (events: readonly PaymentEvent[]) => readonly Told[];

export class WitnessListener implements Listener {
  readonly wire: string;
  readonly #witness: Witness;
  readonly #newsOf: News;
  readonly #options: ComparisonOptions;

  constructor(wire: string, witness: Witness, newsOf: News, options: ComparisonOptions = {}) {
    this.wire = wire;
    this.#witness = witness;
    this.#newsOf = newsOf;
    this.#options = options;
  }

  get name(): string {
    return this.#witness.name;
  }

  get connections(): number {
    return this.#witness.connections.length;
  }

  get told(): number {
    return this.#witness.connections.reduce((sum, { length }) => sum + length, 0);
  }

  compare({ events }: LogView): Findings {
    const { connections } = this.#witness;
    const refusals = connections.flat().filter(([about]) => about === "refused");
    const heard = connections.map((connection) => connection.filter(([about]) => about !== "refused"));
    const { missing, wrong } = compareNews(heard, this.#newsOf(events), this.#options);
    const distinct = new Set(heard.flat().map(([about, what]) => `${about} ${what}`));
    return { missing, wrong, repeats: this.told - refusals.length - distinct.size };
  }

  close(): void {
    this.#witness.close();
  }
}
