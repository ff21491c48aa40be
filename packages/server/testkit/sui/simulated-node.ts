/**
 * A Sui node for tests: `sui.rpc.v2` over gRPC-web, built on the message and service descriptors that @mysten/sui ships,
 * over a simulated ledger. What it is not: a validator, a Move machine, or a check of anything that clients send.
 */
import { GrpcTypes } from "@mysten/sui/grpc";
import { masked } from "./field-mask.ts";
import { GRPC, GrpcRefusal, type GrpcService, type GrpcStream, GrpcWebServer } from "./grpc-web-server.ts";
import { SuiLedger } from "./ledger.ts";

const SERVICES = [GrpcTypes.LedgerService, GrpcTypes.SubscriptionService] as unknown as GrpcService[];

export class SimulatedSuiNode {
  readonly ledger: SuiLedger;
  readonly server: GrpcWebServer;
  /** The lowest checkpoint that it has not pruned. */
  lowestCheckpoint = 0;
  /** Its head stays there, as if it had stopped synchronising; `null`: it has all. */
  stuckAtHeight: number | null = null;
  /** Above it the index of balance changes has not come, or there is none: they are left out without a word. */
  indexedHeight: number | null = null;
  /** Transactions of checkpoints are left out without a word, as by an archive that does not keep them. */
  withoutTransactions = false;
  /** Streams stay open and bring nothing. */
  mutedStreams = false;
  #streams: GrpcStream[] = [];

  /** On a ledger of its own, unless it shares one with another node. */
  static async start(options: { nowMs: () => number; ledger?: SuiLedger }): Promise<SimulatedSuiNode> {
    const node = new SimulatedSuiNode(options.ledger ?? new SuiLedger({ nowMs: options.nowMs }));
    await node.server.listen();
    return node;
  }

  private constructor(ledger: SuiLedger) {
    this.ledger = ledger;
    this.server = new GrpcWebServer(SERVICES, {
      unary: (method, request) => this.#answer(method, request),
      stream: (_, request, stream) => this.#subscribe(request as GrpcTypes.SubscribeCheckpointsRequest, stream),
      metadata: () => ({
        "x-sui-checkpoint-height": String(this.height),
        "x-sui-lowest-available-checkpoint": String(this.lowestCheckpoint),
      }),
    });
  }

  get url(): string {
    return this.server.url;
  }

  get height(): number {
    return Math.min(this.ledger.height, this.stuckAtHeight ?? Number.MAX_SAFE_INTEGER);
  }

  /** Streams that clients hold open. */
  get openStreams(): number {
    return this.#streams.filter(({ closed }) => !closed).length;
  }

  /** Certifies checkpoints, and pushes each to the streams. */
  certify(count: number): void {
    for (let certified = 0; certified < count; certified += 1) {
      this.ledger.certify(1);
      this.push();
    }
  }

  /** The newest checkpoint, to all streams; a frame without one before it, as filtered streams have them. */
  push(): void {
    if (this.mutedStreams) return;
    this.#streams = this.#streams.filter(({ closed }) => !closed);
    for (const stream of this.#streams) {
      const cursor = BigInt(this.height);
      stream.send(GrpcTypes.SubscribeCheckpointsResponse.create({ cursor }));
      const checkpoint = GrpcTypes.Checkpoint.create({ sequenceNumber: cursor });
      stream.send(GrpcTypes.SubscribeCheckpointsResponse.create({ cursor, checkpoint }));
    }
  }

  breakStreams(): void {
    for (const stream of this.#streams.splice(0)) stream.break();
  }

  async stop(): Promise<void> {
    await this.server.close();
  }

  #answer(method: string, request: object): object {
    switch (method) {
      case "GetServiceInfo":
        return this.#serviceInfo();
      case "GetCheckpoint":
        return this.#checkpoint(request as GrpcTypes.GetCheckpointRequest);
      case "GetTransaction":
        return this.#transaction(request as GrpcTypes.GetTransactionRequest);
      default:
        throw new GrpcRefusal(GRPC.UNIMPLEMENTED, `${method} is not simulated`);
    }
  }

  #serviceInfo(): GrpcTypes.GetServiceInfoResponse {
    return GrpcTypes.GetServiceInfoResponse.create({
      chainId: this.ledger.chainId,
      chain: "unknown",
      checkpointHeight: BigInt(this.height),
      lowestAvailableCheckpoint: BigInt(this.lowestCheckpoint),
      server: "simulated",
    });
  }

  #checkpoint({ checkpointId, readMask }: GrpcTypes.GetCheckpointRequest): GrpcTypes.GetCheckpointResponse {
    const height = checkpointId.oneofKind === "sequenceNumber" ? Number(checkpointId.sequenceNumber) : this.height;
    const checkpoint = this.ledger.checkpoints[height];
    if (!checkpoint || height > this.height || height < this.lowestCheckpoint) {
      throw new GrpcRefusal(GRPC.NOT_FOUND, `Checkpoint ${height} not found`);
    }
    const paths = readMask?.paths ?? ["sequence_number", "digest"];
    const known = { ...checkpoint, transactions: this.withoutTransactions ? [] : this.#indexed(checkpoint) };
    return GrpcTypes.GetCheckpointResponse.create({ checkpoint: masked(GrpcTypes.Checkpoint, known, paths) });
  }

  #indexed({ sequenceNumber, transactions }: GrpcTypes.Checkpoint): GrpcTypes.ExecutedTransaction[] {
    if (this.indexedHeight === null || Number(sequenceNumber) <= this.indexedHeight) return transactions;
    return transactions.map((transaction) => ({ ...transaction, balanceChanges: [] }));
  }

  #transaction({ digest = "", readMask }: GrpcTypes.GetTransactionRequest): GrpcTypes.GetTransactionResponse {
    const transaction = this.ledger.transaction(digest);
    const height = Number(transaction?.checkpoint ?? -1n);
    if (!transaction || height > this.height || height < this.lowestCheckpoint) {
      throw new GrpcRefusal(GRPC.NOT_FOUND, `Transaction ${digest} not found`);
    }
    const paths = readMask?.paths ?? ["digest"];
    return GrpcTypes.GetTransactionResponse.create({
      transaction: masked(GrpcTypes.ExecutedTransaction, transaction, paths),
    });
  }

  #subscribe(_: GrpcTypes.SubscribeCheckpointsRequest, stream: GrpcStream): void {
    this.#streams.push(stream);
    if (!this.mutedStreams) this.push();
  }
}
