/**
 * One Sui node over gRPC-web (`sui.rpc.v2`). Every question has a deadline; what goes wrong is told as `EndpointFailure`
 * with the node's name and without its keys.
 */
import { type GrpcTypes, RpcError, SuiGrpcClient } from "@mysten/sui/grpc";
import { messageOf } from "../../kit/errors.ts";
import { EndpointFailure } from "../following/block-source.ts";
import { grpcFetch, HttpTrouble } from "./grpc-fetch.ts";
import type { SuiNetworkName } from "./network.ts";

export interface SuiEndpoint {
  url: string;
  /** Sent with every request, such as a provider's key. */
  headers?: Readonly<Record<string, string>>;
}

export interface SuiNodeOptions extends SuiEndpoint {
  network: SuiNetworkName;
  /** From a question to the last byte of its answer. */
  timeoutMs: number;
  /** Largest answer. */
  maxBytes?: number;
}

/** What of a message is asked for: `google.protobuf.FieldMask`. */
export type Fields = readonly string[];

const DEFAULT_MAX_BYTES = 64 * 1_024 * 1_024;

const ADVICE: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: "it does not accept the credentials, check the headers",
  PERMISSION_DENIED: "it does not accept the key or this machine's address, check the headers",
  RESOURCE_EXHAUSTED: "too many questions, ask for a higher rate or add an endpoint",
  UNIMPLEMENTED: "it does not know this call; sui.rpc.v2 is needed",
};

export class SuiNode {
  readonly name: string;
  readonly #client: SuiGrpcClient;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();

  constructor({ url, headers, network, timeoutMs, maxBytes = DEFAULT_MAX_BYTES }: SuiNodeOptions) {
    this.name = `The Sui node at ${new URL(url).origin}`;
    this.#timeoutMs = timeoutMs;
    this.#client = new SuiGrpcClient({
      network,
      baseUrl: url,
      format: "binary",
      fetch: grpcFetch(maxBytes),
      ...(headers === undefined ? {} : { meta: { ...headers } }),
    });
  }

  /** @throws EndpointFailure */
  async serviceInfo(): Promise<GrpcTypes.GetServiceInfoResponse> {
    const { ledgerService } = this.#client;
    return this.#ask(async (abort) => (await ledgerService.getServiceInfo({}, { abort })).response);
  }

  /** `null`: the node has no such checkpoint (not yet, or not any more).
   * @throws EndpointFailure */
  checkpoint(height: number | "latest", fields: Fields): Promise<GrpcTypes.Checkpoint | null> {
    const checkpointId =
      height === "latest"
        ? { oneofKind: undefined }
        : { oneofKind: "sequenceNumber" as const, sequenceNumber: BigInt(height) };
    const request = { checkpointId, readMask: { paths: [...fields] } };
    return this.#found(async (abort) => {
      const { response } = await this.#client.ledgerService.getCheckpoint(request, { abort });
      return response.checkpoint;
    });
  }

  /** `null`: the node does not know it.
   * @throws EndpointFailure */
  transaction(digest: string, fields: Fields): Promise<GrpcTypes.ExecutedTransaction | null> {
    const request = { digest, readMask: { paths: [...fields] } };
    return this.#found(async (abort) => {
      const { response } = await this.#client.ledgerService.getTransaction(request, { abort });
      return response.transaction;
    });
  }

  /**
   * Every checkpoint from now on, until the stream breaks or `abort` ends it.
   * @param onFrame with or without a checkpoint: filtered streams report progress in between
   * @throws EndpointFailure when it breaks; never resolves otherwise than by `abort`
   */
  async subscribe(onFrame: (frame: GrpcTypes.SubscribeCheckpointsResponse) => void, abort: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([abort, this.#closing.signal]);
    const request = { readMask: { paths: ["sequence_number"] } };
    try {
      const call = this.#client.subscriptionService.subscribeCheckpoints(request, { abort: signal });
      for await (const frame of call.responses) onFrame(frame);
    } catch (error) {
      if (signal.aborted) return;
      throw this.#failure(error, false);
    }
    if (!signal.aborted) throw new EndpointFailure(`${this.name} has ended its stream of checkpoints.`);
  }

  /** Ends what is under way. */
  close(): void {
    this.#closing.abort();
  }

  async #found<T>(call: (abort: AbortSignal) => Promise<T | undefined>): Promise<T | null> {
    return this.#ask(async (abort) => {
      try {
        const answer = await call(abort);
        if (answer === undefined) throw new EndpointFailure(`${this.name} answered with nothing.`);
        return answer;
      } catch (error) {
        if (error instanceof RpcError && error.code === "NOT_FOUND") return null;
        throw error;
      }
    });
  }

  async #ask<T>(call: (abort: AbortSignal) => Promise<T>): Promise<T> {
    const ending = new AbortController();
    const stop = () => ending.abort();
    const timer = setTimeout(stop, this.#timeoutMs);
    this.#closing.signal.addEventListener("abort", stop, { once: true });
    if (this.#closing.signal.aborted) stop();
    try {
      return await call(ending.signal);
    } catch (error) {
      throw this.#failure(error, ending.signal.aborted);
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", stop);
    }
  }

  #failure(error: unknown, aborted: boolean): EndpointFailure {
    if (error instanceof EndpointFailure) return error;
    if (aborted && this.#closing.signal.aborted) return new EndpointFailure(`${this.name} is not asked any more.`);
    if (aborted) {
      return new EndpointFailure(
        `${this.name} has not answered completely within ${this.#timeoutMs} ms: it hangs, or the network between does.`,
      );
    }
    if (error instanceof HttpTrouble) {
      return new EndpointFailure(`${this.name} ${error.message}`, { retryAfterMs: error.retryAfterMs });
    }
    const code = error instanceof RpcError ? error.code : "no gRPC";
    return new EndpointFailure(`${this.name} answered with ${code}: ${ADVICE[code] ?? messageOf(error)}.`);
  }
}
