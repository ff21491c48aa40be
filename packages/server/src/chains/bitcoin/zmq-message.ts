/** One ZMQ message of bitcoind: frames → news. Source: Bitcoin Core `doc/zmq.md`. */

export type ZmqNews =
  | { is: "transaction"; raw: Buffer }
  /** A block was connected or disconnected. */
  | { is: "block" }
  | { is: "added"; txId: string }
  /** It left the mempool for another reason than being mined. */
  | { is: "removed"; txId: string };

export interface ZmqMessage {
  topic: "rawtx" | "sequence";
  /** Counts the messages of this topic; starts anew with the node. */
  counter: number;
  news: ZmqNews;
}

export class MalformedZmqMessage extends Error {
  override readonly name = "MalformedZmqMessage";
}

const HASH_BYTES = 32;
const COUNTER_BYTES = 4;
/** Hash, `C` or `D`. */
const BLOCK_BODY_BYTES = HASH_BYTES + 1;
/** Hash, `A` or `R`, mempool sequence u64. */
const MEMPOOL_BODY_BYTES = HASH_BYTES + 1 + 8;

/** @throws MalformedZmqMessage */
export function readZmqMessage(frames: readonly Buffer[]): ZmqMessage {
  const [topicFrame, body, counterFrame] = frames;
  const topic = topicFrame?.toString("latin1");
  if ((topic !== "rawtx" && topic !== "sequence") || !body || counterFrame?.length !== COUNTER_BYTES) {
    throw new MalformedZmqMessage(`A ZMQ message of ${frames.length} frames is not bitcoind's`);
  }
  const counter = counterFrame.readUInt32LE(0);
  return { topic, counter, news: topic === "rawtx" ? { is: "transaction", raw: body } : readSequence(body) };
}

function readSequence(body: Buffer): ZmqNews {
  const label = String.fromCharCode(body[HASH_BYTES] ?? 0);
  // Unlike in transactions, hashes are sent here in the order in which they are shown.
  const txId = body.toString("hex", 0, HASH_BYTES);
  if (body.length === BLOCK_BODY_BYTES && (label === "C" || label === "D")) return { is: "block" };
  if (body.length === MEMPOOL_BODY_BYTES && label === "A") return { is: "added", txId };
  if (body.length === MEMPOOL_BODY_BYTES && label === "R") return { is: "removed", txId };
  throw new MalformedZmqMessage(`A ZMQ sequence message of ${body.length} bytes is not known`);
}
