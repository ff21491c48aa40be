/** The load of a run: payments by several hands at once, and a chain that grows and changes its mind. */
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
}

/** One block per so many payments, a reorganisation per so many blocks, so deep at most. */
const PAYMENTS_PER_BLOCK = 12;
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
  #allowed = 0;
  #failed: unknown = null;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Lets this share of the payments go; the rest waits, so that what is done to the cluster is done under load. */
  allow(share: number): void {
    this.#allowed = Math.max(this.#allowed, Math.ceil(share * this.#options.payments));
  }

  /** All payments of the share have begun. */
  async reached(share: number): Promise<void> {
    while (this.started < Math.floor(share * this.#options.payments)) {
      if (this.#failed) throw this.#failed;
      await sleep(PAUSE_MS);
    }
  }

  /** @throws what one of the hands could not do */
  async run(): Promise<void> {
    const hands = Array.from({ length: this.#options.hands }, () => this.#playStories());
    const mining = this.#mine();
    try {
      await Promise.all([...hands, mining]);
      await this.#options.shopkeeper.settled();
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
    return this.started >= this.#options.payments || this.#failed !== null;
  }

  async #playStories(): Promise<void> {
    const { shopkeeper, random } = this.#options;
    while (!this.#isOver) {
      if (this.started >= this.#allowed) {
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

  async #mine(): Promise<void> {
    for (let due = 0; !this.#isOver; ) {
      if (this.started < due) {
        await sleep(PAUSE_MS);
        continue;
      }
      due = this.started + PAYMENTS_PER_BLOCK;
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
