/** Whoever moves a large database sees how far it is. */
import type { CliIo } from "./io.ts";

const EVERY_MS = 2_000;
const counted = new Intl.NumberFormat("en");

export class MovingProgress {
  readonly #io: Pick<CliIo, "err">;
  readonly #did: string;
  readonly #startedMs = performance.now();
  #saidMs = this.#startedMs;

  /** @param did what was done to the rows: "Exported" */
  constructor(io: Pick<CliIo, "err">, did: string) {
    this.#io = io;
    this.#did = did;
  }

  /** Says every two seconds how many rows of how many it is. */
  note(rows: number, total: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#saidMs < EVERY_MS) return;
    this.#saidMs = nowMs;
    const percent = total === 0 ? 100 : Math.floor((rows / total) * 100);
    this.#io.err(
      `… ${this.#did.toLowerCase()} ${counted.format(rows)} of ${counted.format(total)} rows (${percent} %)\n`,
    );
  }

  /** @param rest what is said behind the number of rows */
  end(rows: number, rest: string): void {
    const seconds = ((performance.now() - this.#startedMs) / 1_000).toFixed(1);
    this.#io.err(`${this.#did} ${counted.format(rows)} rows in ${seconds} s${rest}\n`);
  }
}
