/**
 * The load of a run: payments by several hands at once, and a chain that grows and changes its mind. A few first; at a
 * steady pace while things are done to the cluster, so that all of them are done under load; then the rest.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError } from "../clients/api.ts";
import type { CarefulBackend } from "./careful-backend.ts";
import { kindOf } from "./kinds.ts";
import type { Shopkeeper } from "./shopkeeper.ts";

export interface LoadOptions {
  payments: number;
  backend: CarefulBackend;
  shopkeeper: Shopkeeper;
  random: () => number;
  /** Stories that go on at once. */
  hands: number;
  /** As many as are made before all listeners are asked whether they listen. */
  warmUp: number;
  /** Payments per second at the steady pace. */
  pace: number;
}

/** One block per so many payments, and after so long; a reorganisation per so many blocks, so deep at most. */
const PAYMENTS_PER_BLOCK = 12;
const BLOCK_MS = 1_000;
const BLOCKS_PER_REORG = 15;
const REORG_DEPTH = 8;
/** Blocks behind everything, so that all that is paid is final. */
const LAST_BLOCKS = 8;
const PAUSE_MS = 20;

export class Load {
  readonly #options: LoadOptions;
  /** Payments whose story has begun. */
  started = 0;
  blocks = 0;
  reorgs = 0;
  /** Payments that may have begun by now. */
  #allowed: () => number;
  /** It ends with so many payments; more where the pace has gone beyond `payments`. */
  #last = Number.POSITIVE_INFINITY;
  #failed: unknown = null;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#allowed = () => options.warmUp;
  }

  /** So many payments have begun. */
  async reached(count: number): Promise<void> {
    while (this.started < count) {
      if (this.#failed) throw this.#failed;
      await sleep(PAUSE_MS);
    }
  }

  /** From now on. */
  keepPace(): void {
    const { started } = this;
    const sinceMs = Date.now();
    this.#allowed = () => started + ((Date.now() - sinceMs) / 1_000) * this.#options.pace;
  }

  /** Nothing more will be done to the cluster: the rest of the payments, if any is left. */
  hurryOn(): void {
    this.#last = Math.max(this.#options.payments, this.started);
    this.#allowed = () => this.#last;
  }

  /** @throws what one of the hands could not do */
  async run(): Promise<void> {
    const hands = Array.from({ length: this.#options.hands }, () => this.#playStories());
    const playing = Promise.all(hands).then(() => this.#options.shopkeeper.settled());
    try {
      await Promise.all([playing, this.#mineWhile(playing)]);
    } catch (error) {
      this.#failed = error;
      throw error;
    }
  }

  /** Everything that was paid gets into a block, and deep enough. */
  async finish(): Promise<void> {
    for (let nth = 0; nth < LAST_BLOCKS; nth += 1) await this.#block();
  }

  get #isOver(): boolean {
    return this.started >= this.#last || this.#failed !== null;
  }

  async #playStories(): Promise<void> {
    const { shopkeeper, random } = this.#options;
    while (!this.#isOver) {
      if (this.started >= this.#allowed()) {
        await sleep(PAUSE_MS);
        continue;
      }
      const nth = this.started;
      this.started += 1;
      const kind = kindOf(nth, random);
      try {
        await shopkeeper.play(nth, kind);
      } catch (error) {
        this.#failed ??= new Error(`Payment ${nth}, "${kind}", could not be played to its end.`, { cause: error });
        throw this.#failed;
      }
    }
  }

  /** A block for so many payments, or where one waits for long: shoppers wait for their orders to be paid. */
  async #mineWhile(playing: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    playing.then(over, over);
    for (let due = { started: 0, ms: 0 }; !isOver; ) {
      if (this.started < due.started && Date.now() < due.ms) {
        await sleep(PAUSE_MS);
        continue;
      }
      due = { started: this.started + PAYMENTS_PER_BLOCK, ms: Date.now() + BLOCK_MS };
      await this.#block();
      if (this.blocks % BLOCKS_PER_REORG === 0) await this.#reorganise();
    }
  }

  async #block(): Promise<void> {
    await this.#options.backend.post("/v1/sandbox/mine", { blocks: 1 });
    this.blocks += 1;
  }

  async #reorganise(): Promise<void> {
    const { backend, random } = this.#options;
    try {
      await backend.post("/v1/sandbox/reorg", { depth: 1 + Math.floor(random() * REORG_DEPTH) });
      this.reorgs += 1;
    } catch (error) {
      // Deeper than the chain is long.
      if (!(error instanceof ApiError) || error.code !== "invalid_request") throw error;
    }
  }
}
