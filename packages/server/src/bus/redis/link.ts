/** Always one session with Redis, or on the way to the next one. */
import { Backoff, pause } from "../../kit/retry.ts";
import { RedisFailure } from "./connection.ts";
import { Session, type SessionOptions } from "./session.ts";

export interface LinkOptions extends Omit<SessionOptions, "onLost"> {
  /** Redis was lost, or cannot be reached; it is tried again. Called for each session that ends. */
  onDown: (failure: RedisFailure) => void;
}

const PAUSES = { initialMs: 100, maxMs: 5_000 };

export class Link {
  readonly #options: LinkOptions;
  readonly #ending = new AbortController();
  readonly #loop: Promise<void>;
  #session: Session | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#loop = this.#stayConnected();
  }

  get isUp(): boolean {
    return this.#session?.isUp ?? false;
  }

  /** Sends it, or does not; never waits. @param settled called once, with whether Redis took it */
  send(bytes: Buffer, settled: (isTaken: boolean) => void): void {
    if (this.#session) this.#session.send(bytes, settled);
    else settled(false);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.#session?.end(new RedisFailure("it was closed"));
    await this.#loop;
  }

  async #stayConnected(): Promise<void> {
    const { onUp, onDown, ...rest } = this.#options;
    const { signal } = this.#ending;
    const backoff = new Backoff(PAUSES);
    while (!signal.aborted) {
      const failure = await new Promise<RedisFailure>((onLost) => {
        const up = (server: string) => {
          backoff.reset();
          onUp(server);
        };
        this.#session = new Session({ ...rest, onUp: up, onLost });
      });
      this.#session = null;
      if (signal.aborted) return;
      onDown(failure);
      await pause(backoff.nextDelayMs(), signal);
    }
  }
}
