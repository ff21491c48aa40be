/** Checkpoints as the node describes them, read strictly: a field that was asked for and is not there is no zero. */
import type { GrpcTypes } from "@mysten/sui/grpc";
import type { BlockRef } from "../../payments/transfer.ts";
import { EndpointFailure } from "../following/block-source.ts";
import type { Fields } from "./sui-node.ts";

/** Enough for `refOf` and `parentOf`. */
export const HEADER_FIELDS: Fields = ["sequence_number", "digest", "summary.previous_digest", "summary.timestamp"];

/** @throws EndpointFailure where it is not the one at `height`, or lacks something */
export function refOf({ sequenceNumber, digest, summary }: GrpcTypes.Checkpoint, height?: number): BlockRef {
  const ref = {
    height: heightOf(sequenceNumber),
    hash: present(digest, "digest"),
    timeMs: millisecondsOf(present(summary?.timestamp, "summary.timestamp")),
  };
  if (height === undefined || ref.height === height) return ref;
  throw new EndpointFailure(`Checkpoint ${height} was asked for and ${ref.height} was answered.`);
}

/** Empty for the first checkpoint of all, which has none. */
export function parentOf({ sequenceNumber, summary }: GrpcTypes.Checkpoint): string {
  return sequenceNumber === 0n ? "" : present(summary?.previousDigest, "summary.previous_digest");
}

/** @throws EndpointFailure */
export function heightOf(sequenceNumber: bigint | undefined): number {
  const height = Number(present(sequenceNumber, "sequence_number"));
  if (Number.isSafeInteger(height)) return height;
  throw new EndpointFailure(`${sequenceNumber} is no height of a checkpoint.`);
}

/** @throws EndpointFailure */
export function present<T>(value: T | undefined, field: string): T {
  if (value !== undefined) return value;
  throw new EndpointFailure(`An answer lacks ${field}, which was asked for: does the node speak sui.rpc.v2?`);
}

function millisecondsOf({ seconds, nanos }: { seconds: bigint; nanos: number }): number {
  return Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000);
}
