/**
 * The simulated chain: a mempool, blocks with parent hashes, reorganisations and double spends, on request or by the
 * clock. Every change is in the ledger before anyone can see it. Several processes may have one ledger: each moves the chain
 * in turn, on what the others have made of it.
 */
import type { Clock } from "../../kit/clock.ts";
import { messageOf } from "../../kit/errors.ts";
import { ChainHead } from "./head.ts";
import type {
  SandboxBlock,
  SandboxChange,
  SandboxHead,
  SandboxLedger,
  SandboxOutput,
  SandboxReader,
  SandboxTransaction,
} from "./ledger.ts";
import {
  blocks,
  doubleSpend,
  firstBlock,
  type Move,
  type Moved,
  type PaymentOptions,
  payment,
  type ReorgFate,
  removal,
  reorganisation,
} from "./moves.ts";
import type { Attendance, Attendant, SandboxNode, SandboxView } from "./node.ts";

export interface SandboxChainOptions {
  ledger: SandboxLedger;
  clock: Clock;
  /** Time between blocks, milliseconds, while somebody watches here. 0: a block comes only on request. */
  blockIntervalMs: number;
}

export class SandboxChain implements SandboxNode {
  readonly #ledger: SandboxLedger;
  readonly #clock: Clock;
  readonly #blockIntervalMs: number;
  readonly #listeners = new Set<() => void>();
  readonly #attendants = new Map<Attendant, NodeJS.Timeout | null>();
  readonly #stopHearing: () => void;
  #head: ChainHead;
  #last: Promise<unknown> = Promise.resolve();
  #mining = false;
  #problem: string | null = null;

  /** Goes on where the ledger ends; an empty ledger gets its first block. */
  static async open(options: SandboxChainOptions): Promise<SandboxChain> {
    const { ledger, clock } = options;
    let head = await ledger.load();
    if (!head) {
      await ledger.step(0, async (newer) => {
        // Another process was faster.
        head = newer ?? { nextNumber: 1, tip: firstBlock(clock.nowMs()), mempool: [] };
        return newer ? null : { nextNumber: 1, disconnect: [], connect: [head.tip], transactions: [] };
      });
    }
    return new SandboxChain(options, head as SandboxHead);
  }

  private constructor({ ledger, clock, blockIntervalMs }: SandboxChainOptions, head: SandboxHead) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#blockIntervalMs = blockIntervalMs;
    this.#head = new ChainHead(head);
    this.#stopHearing = ledger.shared?.onTold(() => this.#tell()) ?? (() => undefined);
  }

  /** Resolves when the last change is stored. Nothing is mined any more. */
  async close(): Promise<void> {
    this.#stopHearing();
    for (const attendant of this.#attendants.keys()) this.#leave(attendant);
    await this.#last;
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** Whether other processes may move the chain, and watch it. */
  get isShared(): boolean {
    return this.#ledger.shared !== null;
  }

  /** How far this process knows the chain: everything that it did itself is below. */
  get nextNumber(): number {
    return this.#head.nextNumber;
  }

  /** Who watches from here; `null`: nobody. */
  get attendant(): Attendant | null {
    return [...this.#attendants.keys()].at(-1) ?? null;
  }

  /** Puts a transaction with one output into the mempool.
   * @returns its txId
   * @throws PaybellError invalid_request, overloaded */
  pay(output: SandboxOutput, options: PaymentOptions = {}): Promise<string> {
    return this.payMany([output], options);
  }

  /** As `pay`, one transaction with an output for each. */
  payMany(outputs: readonly SandboxOutput[], options: PaymentOptions = {}): Promise<string> {
    return this.#move(payment(outputs, options));
  }

  /** Mines blocks; the first takes the whole mempool.
   * @returns the new height
   * @throws PaybellError invalid_request */
  mine(count = 1): Promise<number> {
    return this.#move(blocks(count));
  }

  /** Drops the last `depth` blocks and mines a longer branch of `depth + 1` blocks, empty but for what `fate` says.
   * @returns the new height
   * @throws PaybellError invalid_request */
  reorg(depth: number, fate: ReorgFate = "mempool"): Promise<number> {
    return this.#move(reorganisation(depth, fate));
  }

  /** Replaces a transaction in the mempool by one that uses up the same coin and pays its sender, or `outputs`.
   * @returns the txId of the other one
   * @throws PaybellError not_found; invalid_state when it is in a block (as on a real node; reorg first) or lost */
  doubleSpend(txId: string, outputs?: readonly SandboxOutput[]): Promise<string> {
    return this.#move(doubleSpend(txId, outputs));
  }

  /** The node forgets a transaction in its mempool.
   * @throws PaybellError not_found, invalid_state */
  drop(txId: string): Promise<void> {
    return this.#move(removal(txId));
  }

  async view(): Promise<SandboxView> {
    const { shared } = this.#ledger;
    if (shared) {
      const newer = await shared.newer(this.#head.nextNumber);
      // Meanwhile this process may have moved it further.
      if (newer && newer.nextNumber > this.#head.nextNumber) this.#head = new ChainHead(newer);
    }
    const { tip, mempool, nextNumber } = this.#head;
    return { tip, mempool, nextNumber: shared ? nextNumber : null };
  }

  block(hash: string): Promise<SandboxBlock | null> {
    return this.#ledger.block(hash);
  }

  blockAt(height: number): Promise<SandboxBlock | null> {
    return this.#ledger.blockAt(height);
  }

  transactions(txIds: readonly string[]): Promise<readonly (SandboxTransaction | null)[]> {
    return this.#ledger.transactions(txIds);
  }

  listen(onNews: () => void): () => void {
    this.#listeners.add(onNews);
    return () => this.#listeners.delete(onNews);
  }

  attend(attendant: Attendant): Attendance {
    const every = this.#blockIntervalMs;
    this.#attendants.set(attendant, every > 0 ? setInterval(() => this.#mineByTheClock(), every) : null);
    return {
      reported: () => this.#ledger.shared?.tell(),
      leave: () => this.#leave(attendant),
    };
  }

  #leave(attendant: Attendant): void {
    const timer = this.#attendants.get(attendant);
    if (timer) clearInterval(timer);
    this.#attendants.delete(attendant);
  }

  #mineByTheClock(): void {
    // A ledger slower than the interval must not let requests pile up.
    if (this.#mining) return;
    this.#mining = true;
    this.mine(1)
      .then(
        () => {
          this.#problem = null;
        },
        (error) => {
          this.#problem = `No block could be mined: ${messageOf(error)}`;
        },
      )
      .finally(() => {
        this.#mining = false;
      });
  }

  /** One move after the other; one that fails does not stop the next. */
  #move<T>(move: Move<T>): Promise<T> {
    const turn = this.#last.then(() => this.#make(move));
    // The caller gets the error from `turn`; here it only must not break the queue.
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Stores first, shows then. */
  async #make<T>(move: Move<T>): Promise<T> {
    let moved: Moved<T> | null = null;
    let head = this.#head;
    await this.#ledger.step(head.nextNumber, async (newer: SandboxHead | null, read: SandboxReader) => {
      if (newer) this.#head = new ChainHead(newer);
      head = this.#head;
      moved = await move({ head, read, nowMs: this.#clock.nowMs() });
      return moved.change;
    });
    const { change, answer } = moved as unknown as Moved<T>;
    if (change) this.#show(head, change);
    return answer;
  }

  #show(head: ChainHead, change: SandboxChange): void {
    // Unless it was read again while the change was stored: then it is in there.
    if (this.#head === head) head.apply(change);
    this.#tell();
  }

  #tell(): void {
    for (const onNews of this.#listeners) onNews();
  }
}
