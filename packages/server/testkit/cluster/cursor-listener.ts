/** Clients with a cursor: the complete history of what they follow, in order, each event once. */
import type { PaymentEvent } from "@paybell/protocol";
import type { CursorClient } from "../clients/cursor-client.ts";
import type { Findings, Listener } from "./listener.ts";
import type { LogView } from "./log-view.ts";

const line = ({ position, id, type, paymentId, sequence, data }: PaymentEvent) =>
  `${position} ${id} ${type} of ${paymentId}, sequence ${sequence}, ${data.payment?.status}`;

export class CursorListener implements Listener {
  readonly wire: string;
  readonly name: string;
  readonly #client: CursorClient;
  readonly #expected: (log: LogView) => readonly PaymentEvent[];

  constructor(
    wire: string,
    { follows, client }: { follows: string; client: CursorClient },
    expected: (log: LogView) => readonly PaymentEvent[],
  ) {
    this.wire = wire;
    this.name = `${wire} on ${follows}`;
    this.#client = client;
    this.#expected = expected;
  }

  get connections(): number {
    return this.#client.connections;
  }

  get told(): number {
    return this.#client.told.length;
  }

  compare(log: LogView): Findings {
    const expected = this.#expected(log).map(line);
    const told = this.#client.told.map(line);
    const place = told.findIndex((heard, at) => heard !== expected[at]);
    const wrong = place < 0 ? [] : [`event ${place + 1} was [${told[place]}] where the log has [${expected[place]}]`];
    return { missing: expected.slice(told.length), wrong, repeats: told.length - new Set(told).size };
  }

  close(): Promise<void> {
    return this.#client.stop();
  }
}
