/**
 * "There is a new block", pushed over a WebSocket. Only a reason to look at once: what is missed is found by polling, so
 * that the content of a message does not matter. Source: geth, "Real-time events" (eth_subscribe); Solana, "RPC Websocket
 * methods" (slotSubscribe).
 */
import WebSocket from "ws";
import { messageOf } from "../../kit/errors.ts";
import { Backoff } from "../../kit/retry.ts";

export interface HeadFeedOptions {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** What to subscribe to: the requests to send, and the method of the messages that come of them. */
  subscriptions: readonly { method: string; params: readonly unknown[] }[];
  notification: string;
  onNews: () => void;
  /** The feed is lost until further notice. */
  onTrouble: (message: string) => void;
}

/** Between two answers to a ping; a line without any is dead. */
const PING_MS = 30_000;
/** A hash or a header; more is no such feed. */
const MAX_MESSAGE_BYTES = 1_048_576;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Connects again and again until the returned function is called. */
export function followHeads(options: HeadFeedOptions): () => void {
  const backoff = new Backoff({ initialMs: 500, maxMs: 60_000 });
  let socket: WebSocket | null = null;
  let timer: NodeJS.Timeout | null = null;
  let ended = false;

  const connect = () => {
    const opened = open(options, backoff);
    socket = opened;
    opened.once("close", () => {
      if (!ended) timer = setTimeout(connect, backoff.nextDelayMs());
    });
  };
  connect();
  return () => {
    ended = true;
    if (timer) clearTimeout(timer);
    socket?.terminate();
  };
}

function open(options: HeadFeedOptions, backoff: Backoff): WebSocket {
  const { url, headers, subscriptions, notification, onNews, onTrouble } = options;
  const socket = new WebSocket(url, {
    headers: { ...headers },
    maxPayload: MAX_MESSAGE_BYTES,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  let reason = "the connection was closed";
  let alive = true;
  const pings = setInterval(() => {
    if (!alive) {
      reason = "no answer to a ping";
      socket.terminate();
      return;
    }
    alive = false;
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, PING_MS);
  pings.unref();
  socket.on("open", () => {
    for (const [id, request] of subscriptions.entries()) {
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...request }));
    }
  });
  socket.on("pong", () => {
    alive = true;
  });
  socket.on("message", (bytes) => {
    alive = true;
    const said = read(String(bytes), notification);
    if (said === "news") {
      backoff.reset();
      onNews();
    } else if (said !== null) {
      reason = said;
      socket.terminate();
    }
  });
  socket.on("error", (error) => {
    reason = messageOf(error);
  });
  socket.once("close", () => {
    clearInterval(pings);
    onTrouble(
      `The feed of new blocks at ${new URL(url).origin} is lost (${reason}); the node is polled until it is back.`,
    );
  });
  return socket;
}

/** `null`: the subscription is accepted. Any other text: why it is not. */
function read(text: string, notification: string): "news" | string | null {
  const { method, result, error } = parsed(text);
  if (method === notification) return "news";
  if (typeof result === "string" || typeof result === "number") return null;
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === "string" ? `refused: ${message.slice(0, 200)}` : "an answer that is not JSON-RPC";
}

function parsed(text: string): { method?: unknown; result?: unknown; error?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
