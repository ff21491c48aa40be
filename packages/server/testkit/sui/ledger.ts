/** A simulated Sui: transactions wait until the next checkpoint, and a checkpoint is final. No Move runs here: what a
 * transaction changes and emits is what the test says. */
import { createHash } from "node:crypto";
import { GrpcTypes } from "@mysten/sui/grpc";
import { toBase58 } from "@mysten/sui/utils";

export interface BalanceChange {
  address: string;
  coinType: string;
  amount: bigint;
}

export interface EmittedEvent {
  packageId: string;
  eventType?: string;
  /** The Move value as a node renders it. */
  json: Record<string, string | number | boolean | number[] | null>;
}

export interface Execution {
  /** Gas included. */
  changes: readonly BalanceChange[];
  events?: readonly EmittedEvent[];
  /** Default `true`. */
  success?: boolean;
  /** Who signs; default: somebody. */
  sender?: string;
}

export const SUI_TYPE = "0x0000000000000000000000000000000000000000000000000000000000000002::sui::SUI";

/** Signs what the system does: at least one transaction of each checkpoint, which changes no balance. */
const SYSTEM = `0x${"0".repeat(64)}`;
const SOMEBODY = `0x${"1".repeat(64)}`;

export class SuiLedger {
  /** By sequence number; what a node has pruned is the node's business. */
  readonly checkpoints: GrpcTypes.Checkpoint[] = [];
  readonly #nowMs: () => number;
  readonly #seed: string;
  readonly #byDigest = new Map<string, GrpcTypes.ExecutedTransaction>();
  #waiting: GrpcTypes.ExecutedTransaction[] = [];
  #transactions = 0;

  /** @param options.seed two ledgers with different ones are different chains */
  constructor(options: { nowMs: () => number; seed?: string }) {
    this.#nowMs = options.nowMs;
    this.#seed = options.seed ?? "simulated";
    this.certify(1);
  }

  /** Digest of the genesis checkpoint. */
  get chainId(): string {
    return this.checkpoints[0]?.digest as string;
  }

  get height(): number {
    return this.checkpoints.length - 1;
  }

  transaction(digest: string): GrpcTypes.ExecutedTransaction | null {
    return this.#byDigest.get(digest) ?? null;
  }

  /** Takes effect in the next checkpoint. Returns its digest. */
  execute({ changes, events = [], success = true, sender = SOMEBODY }: Execution): string {
    this.#transactions += 1;
    const digest = this.#digest(`transaction ${this.#transactions}`);
    this.#waiting.push(
      GrpcTypes.ExecutedTransaction.create({
        digest,
        transaction: GrpcTypes.Transaction.create({ sender }),
        effects: GrpcTypes.TransactionEffects.create({ status: GrpcTypes.ExecutionStatus.create({ success }) }),
        balanceChanges: changes.map(({ address, coinType, amount }) =>
          GrpcTypes.BalanceChange.create({ address, coinType, amount: amount.toString() }),
        ),
        events: { events: success ? events.map(eventOf) : [] },
      }),
    );
    return digest;
  }

  /** The first one takes everything that waits. */
  certify(count: number): void {
    for (let certified = 0; certified < count; certified += 1) this.#certifyOne();
  }

  #certifyOne(): void {
    const height = this.checkpoints.length;
    this.execute({ changes: [], sender: SYSTEM });
    const sequenceNumber = BigInt(height);
    const nowMs = this.#nowMs();
    const timestamp = { seconds: BigInt(Math.floor(nowMs / 1_000)), nanos: (nowMs % 1_000) * 1_000_000 };
    const previousDigest = this.checkpoints.at(-1)?.digest;
    const digest = this.#digest(`checkpoint ${height}`);
    const transactions = this.#waiting.map((transaction) => ({
      ...transaction,
      checkpoint: sequenceNumber,
      timestamp,
    }));
    this.#waiting = [];
    for (const transaction of transactions) this.#byDigest.set(transaction.digest as string, transaction);
    this.checkpoints.push(
      GrpcTypes.Checkpoint.create({
        sequenceNumber,
        digest,
        summary: GrpcTypes.CheckpointSummary.create({
          digest,
          sequenceNumber,
          timestamp,
          ...(previousDigest === undefined ? {} : { previousDigest }),
        }),
        contents: GrpcTypes.CheckpointContents.create({
          transactions: transactions.map(({ digest: transaction }) =>
            GrpcTypes.CheckpointedTransactionInfo.create(transaction === undefined ? {} : { transaction }),
          ),
        }),
        transactions,
      }),
    );
  }

  #digest(what: string): string {
    return toBase58(createHash("sha256").update(`${this.#seed} ${what}`).digest());
  }
}

function eventOf({ packageId, eventType = `${packageId}::settlement::Settled`, json }: EmittedEvent): GrpcTypes.Event {
  return GrpcTypes.Event.fromJson({ packageId, eventType, json });
}
