/** The log as it stands in the database, read past the servers: what every client is compared with. */
import type { PaymentEvent } from "@paybell/protocol";
import { positionAt } from "../../src/fanout/cursor.ts";
import type { LogRecord } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import { wholeLog } from "../storing/consistency.ts";
import type { OpenStore } from "../storing/home.ts";

export class LogView {
  readonly records: readonly LogRecord[];
  readonly events: readonly PaymentEvent[];
  readonly #byTopic = new Map<string, PaymentEvent[]>();

  constructor(epoch: string, records: readonly LogRecord[]) {
    this.records = records;
    this.events = records.map((record) => {
      const { offset, id, type, paymentId, sequence, atMs, data } = record;
      const event = { position: positionAt({ epoch }, offset), id, type, paymentId, sequence };
      return { ...event, at: new Date(atMs).toISOString(), data };
    });
    for (const [place, record] of records.entries()) {
      for (const topic of record.topics) {
        const own = this.#byTopic.get(topic) ?? [];
        this.#byTopic.set(topic, own);
        own.push(this.events[place] as PaymentEvent);
      }
    }
  }

  static async read(store: OpenStore): Promise<LogView> {
    return new LogView(store.log.epoch, await wholeLog(store));
  }

  about(topic: string): readonly PaymentEvent[] {
    return this.#byTopic.get(topic) ?? [];
  }

  ofPayment(id: string): readonly PaymentEvent[] {
    return this.about(topics.payment(id));
  }
}
