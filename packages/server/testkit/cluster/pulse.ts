/** How long nothing went on: looks into the database, from the side, whether the log grows and the chain is watched. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const INTERVAL_MS = 100;

interface Beat {
  head: string;
  height: string;
}

/** The longest times without a new event, and without a new block in the log, ms. */
export interface Stall {
  eventsMs: number;
  blocksMs: number;
}

export class Pulse {
  readonly #databaseUrl: string;
  readonly #beating: Promise<void>;
  #client: pg.Client | null = null;
  #last: Beat = { head: "", height: "" };
  #eventAtMs = 0;
  #blockAtMs = 0;
  #stall: Stall = { eventsMs: 0, blocksMs: 0 };
  #stopped = false;

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
    this.#beating = this.#beat();
  }

  begin(): void {
    this.#eventAtMs = this.#blockAtMs = Date.now();
    this.#stall = { eventsMs: 0, blocksMs: 0 };
  }

  /** Since `begin`. */
  end(): Stall {
    this.#note();
    return { ...this.#stall };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#beating;
  }

  #note(): void {
    const nowMs = Date.now();
    this.#stall.eventsMs = Math.max(this.#stall.eventsMs, nowMs - this.#eventAtMs);
    this.#stall.blocksMs = Math.max(this.#stall.blocksMs, nowMs - this.#blockAtMs);
  }

  async #beat(): Promise<void> {
    while (!this.#stopped) {
      const beat = await this.#look().catch(() => this.#last);
      this.#note();
      if (beat.head !== this.#last.head) this.#eventAtMs = Date.now();
      if (beat.height !== this.#last.height) this.#blockAtMs = Date.now();
      this.#last = beat;
      await sleep(INTERVAL_MS);
    }
    await this.#client?.end();
  }

  async #look(): Promise<Beat> {
    const client = this.#client ?? (await this.#connect());
    const sql = "SELECT head, (SELECT cursor FROM watcher_progress WHERE chain = 'sandbox') AS height FROM meta";
    const { rows } = await client.query<Beat>(sql);
    return rows[0] as Beat;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#databaseUrl });
    // The database may be made to crash.
    client.on("error", () => {
      this.#client = null;
    });
    await client.connect();
    this.#client = client;
    return client;
  }
}
