/**
 * `fetch` for gRPC-web, as far as HTTP goes: an answer that is no gRPC (a proxy's error page, a wrong URL) says so, a
 * node that asks for a pause is heard, an answer has a size, and no message shows what is secret.
 *
 * What is thrown is an `RpcError`, which the library hands on as it is; of anything else it keeps the message only.
 */
import { RpcError } from "@mysten/sui/grpc";
import { systemClock } from "../../kit/clock.ts";
import { retryAfterMs } from "../following/retry-after.ts";

/** The node could not be asked, or answered with something that is no gRPC. */
export class HttpTrouble extends RpcError {
  override readonly name = "HttpTrouble";
  readonly retryAfterMs: number | null;

  constructor(message: string, retryMs: number | null = null) {
    super(message, "UNAVAILABLE");
    this.retryAfterMs = retryMs;
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  401: "it does not accept the credentials, check the headers",
  403: "it does not accept the key or this machine's address, check the headers",
  404: "there is no gRPC here, check the URL",
  429: "too many questions, ask for a higher rate or add an endpoint",
  503: "it has too much to do or is starting",
};

/** @param maxBytes of one answer; a stream that has brought so much ends and has to be opened anew */
export function grpcFetch(maxBytes: number): typeof fetch {
  return async (input, init) => {
    const response = await send(input, init);
    if (!response.ok && !response.headers.has("grpc-status")) throw refusal(response);
    const { status, statusText, headers } = response;
    const body = response.body?.pipeThrough(bounded(maxBytes)) ?? null;
    return new Response(body, { status, statusText, headers });
  };
}

async function send(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  try {
    // A redirection would take the provider's key to wherever it points.
    return await fetch(input, { ...init, redirect: "manual" });
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    throw new HttpTrouble(`cannot be reached (${reasonOf(error)}): is it running, and is the URL right?`);
  }
}

function refusal({ status, headers }: Response): HttpTrouble {
  const advice = ADVICE[status] ?? (status < 400 ? "give the URL to which it redirects" : "is the URL right?");
  return new HttpTrouble(`answered with HTTP ${status}: ${advice}.`, retryAfterMs(headers, systemClock.nowMs()));
}

function bounded(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(part, controller) {
      bytes += part.byteLength;
      if (bytes > maxBytes) throw new HttpTrouble(`answered with more than ${maxBytes} bytes.`);
      controller.enqueue(part);
    },
  });
}

/** fetch says only "fetch failed"; the reason is in its cause. Without one its message may quote a header. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  if (cause === undefined) return "the request cannot be sent, check the headers";
  return typeof cause.code === "string" ? cause.code : "no reason was given";
}
