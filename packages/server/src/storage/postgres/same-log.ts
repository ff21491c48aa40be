/**
 * Is the log still the one that this process began on? What a process has in memory rests on it: its epoch, how far it has
 * told its clients, what its watchers have seen. After a restore, or a fail-over to a server that had not everything, it is
 * not, and the process must begin anew.
 *
 * Asked on each connection that is opened, since all of them end when the database does; a new epoch is begun by a command
 * that has the database alone. The epoch is in every page that is read of the log, too: another process may have begun one.
 */

import { newEpoch } from "../meta.ts";
import type { Connection } from "./connection.ts";
import { StorageError } from "./errors.ts";

/** Addresses that may have been given beside the records that were lost. */
const ADDRESSES_BESIDE = 100;

/** By one of all processes that notice it: no cursor from before is honoured, and addresses that were derived and lost are
 * not given to somebody else. */
const BEGIN_EPOCH = `WITH begun AS (
    UPDATE meta SET epoch = $2 WHERE epoch = $1 AND head < $3::bigint RETURNING $3::bigint - head + ${ADDRESSES_BESIDE} AS lost
  )
  UPDATE derivation_cursors c SET last_used_index = c.next_index + begun.lost - 1, next_index = c.next_index + begun.lost
  FROM begun`;

export class SameLog {
  readonly #onOther: (error: Error) => void;
  #epoch: string | null = null;
  #head = 0;
  #ended: StorageError | null = null;

  /** @param onOther called once: the process should end */
  constructor(onOther: (error: Error) => void) {
    this.#onOther = onOther;
  }

  begin(epoch: string): void {
    this.#epoch = epoch;
  }

  /** It was seen to reach so far. */
  reached(head: number): void {
    this.#head = Math.max(this.#head, head);
  }

  /** @throws StorageError: it is another one */
  requireEpoch(epoch: string): void {
    if (this.#epoch !== null && epoch !== this.#epoch) {
      this.#end(`Its epoch is ${epoch}, and this server began in ${this.#epoch}.`);
    }
  }

  /** @throws StorageError: it is another one, or goes no longer as far as it did; then a new epoch was begun */
  async require(connection: Connection): Promise<void> {
    const [epoch, reached] = [this.#epoch, this.#head];
    if (epoch === null) return;
    const found = await connection.get<{ epoch: string; head: number }>("SELECT epoch, head FROM meta");
    if (!found) throw new StorageError("The row of meta is missing.");
    this.requireEpoch(found.epoch);
    if (found.head >= reached) return;
    await connection.run(BEGIN_EPOCH, epoch, newEpoch(), reached);
    this.#end(`It ends at record ${found.head}, and this server has seen record ${reached}. A new epoch was begun.`);
  }

  #end(why: string): never {
    const isFirst = this.#ended === null;
    this.#ended ??= new StorageError(
      `The log is no longer the one that this server began on: restored, or failed over with loss. ${why} Start the server again.`,
    );
    if (isFirst) this.#onOther(this.#ended);
    throw this.#ended;
  }
}
