/**
 * What programs log as data (`sol_log_data`, Anchor's events), by the program in whose call it was logged. A line says
 * itself who is called and who returns; text that a program writes begins with `Program log: ` and is none of those.
 * Source: agave, `program-runtime/src/stable_log.rs`.
 */
import type { Transaction } from "./transaction.ts";

export interface ProgramData {
  bytes: Uint8Array;
  /** The instruction of the transaction in which it was logged, by itself or by what it called: places of the accounts
   * that it may touch. */
  accounts: readonly number[];
}

interface Frame {
  program: string;
  data: ProgramData[];
}

const INVOKE = /^Program ([1-9A-HJ-NP-Za-km-z]{32,44}) invoke \[(\d+)\]$/;
const RETURN = /^Program ([1-9A-HJ-NP-Za-km-z]{32,44}) (success|failed(?:: .*)?)$/s;
const DATA = "Program data: ";
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** In the order of the log. Nothing of a call that failed, and nothing behind a line that does not fit the others. */
export function dataOfProgram(transaction: Transaction, program: string): ProgramData[] {
  const found: ProgramData[] = [];
  const frames: Frame[] = [];
  const calls = new Calls(transaction);
  for (const line of transaction.logs) {
    const invoked = INVOKE.exec(line);
    const returned = invoked ? null : RETURN.exec(line);
    if (invoked) {
      const [, id = "", depth] = invoked;
      if (Number(depth) !== frames.length + 1) break;
      if (frames.length === 0) calls.next(id);
      frames.push({ program: id, data: [] });
    } else if (returned) {
      const frame = frames.pop();
      if (frame === undefined || frame.program !== returned[1]) break;
      if (returned[2] === "success") (frames.at(-1)?.data ?? found).push(...frame.data);
    } else if (line.startsWith(DATA)) {
      const frame = frames.at(-1);
      const text = line.slice(DATA.length);
      if (frame === undefined || frame.program !== program || !BASE64.test(text)) continue;
      frame.data.push({ bytes: Buffer.from(text, "base64"), accounts: calls.accounts });
    }
  }
  // The transaction succeeded, so what is still open was only cut off: a log has a largest size.
  return [...found, ...frames.flatMap(({ data }) => data)];
}

/** Which instruction a call of the first level belongs to. Some have no call, so they are found by their program. */
class Calls {
  readonly #transaction: Transaction;
  #place = -1;

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  next(program: string): void {
    const { topLevel, keys } = this.#transaction;
    const place = topLevel.findIndex((call, at) => at > this.#place && keys[call.programIdIndex] === program);
    this.#place = place === -1 ? topLevel.length : place;
  }

  get accounts(): readonly number[] {
    return this.#transaction.topLevel[this.#place]?.accounts ?? [];
  }
}
