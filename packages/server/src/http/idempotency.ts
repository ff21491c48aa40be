/**
 * Idempotency-Key: the first answer to a POST is kept for 24 hours and given again.
 *
 * - A key belongs to one merchant and one request (method, path, body); another request under it is a 409.
 * - What is kept: success, refusals by the state of things (409), and 500. Not kept, since the same request may go
 *   through next time: everything refused before it was carried out, whatever the registry calls retryable, and failures
 *   of the database (503).
 * - The answer to a request that writes a payment is stored in the same commit as the payment.
 * - A second request while the first is carried out waits for it, and gets its answer.
 * Source: Stripe's Idempotency-Key, see DESIGN.md, "HTTP API".
 */
import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { type AnswerWith, IdempotencyTaken } from "../ingest/ingest.ts";
import type { Clock } from "../kit/clock.ts";
import { PaybellError } from "../kit/errors.ts";
import type { IdempotentAnswer } from "../log/event-log.ts";
import type { IdempotencyStore } from "../log/store.ts";
import { type PaymentState, viewMerchant } from "../payments/payment.ts";
import { knownError, ownFailure, refusalOf } from "./error-answers.ts";

export interface Answer {
  httpStatus: number;
  /** JSON text: a replay is the same to the byte. */
  body: string;
  replayed: boolean;
}

interface Flight {
  requestHash: string;
  waiting: number;
  done: Promise<void>;
}

interface Keyed {
  merchantId: string;
  key: string;
  requestHash: string;
}

interface WritingPost<T> {
  httpStatus: number;
  /** Stores what it is given with what it writes. */
  write: (answer?: (written: T) => IdempotentAnswer) => Promise<T>;
  viewOf: (written: T) => object;
  /** The payments that the body shows. */
  paymentIds: (written: T) => readonly string[];
}

type Answers = Omit<IdempotencyStore, "deleteExpired">;

/** Requests that may wait for one that is being carried out; beyond it: 409 `idempotency_in_progress`. */
const MAX_WAITING = 16;

export class Idempotency {
  readonly #store: Answers;
  readonly #clock: Clock;
  readonly #bodyBytes: number;
  readonly #flights = new Map<string, Flight>();

  constructor(options: { store: Answers; clock: Clock; bodyBytes: number }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#bodyBytes = options.bodyBytes;
  }

  /** A POST that writes a payment. @param viewOf what is answered; left out: the payment as its merchant reads it */
  writePayment(
    request: FastifyRequest,
    merchantId: string,
    httpStatus: number,
    write: (answer?: AnswerWith) => Promise<PaymentState>,
    viewOf: (state: PaymentState) => object = viewMerchant,
  ): Promise<Answer> {
    const paymentIds = ({ payment }: PaymentState) => [payment.id];
    return this.write(request, merchantId, { httpStatus, write, viewOf, paymentIds });
  }

  /** A POST whose answer is stored in the commit of what it writes. */
  write<T>(request: FastifyRequest, merchantId: string, post: WritingPost<T>): Promise<Answer> {
    const { httpStatus, write, viewOf, paymentIds } = post;
    return this.#answerOnce(request, merchantId, async (keyed) => {
      const bodyOf = (written: T) => JSON.stringify(viewOf(written));
      if (!keyed) return { httpStatus, body: bodyOf(await write()), replayed: false };
      let stored = false;
      const written = await write((decided) => {
        stored = true;
        const answer = { httpStatus, body: bodyOf(decided), paymentIds: paymentIds(decided) };
        return { ...keyed, ...answer, atMs: this.#clock.nowMs() };
      });
      const answer = { httpStatus, body: bodyOf(written), replayed: false };
      // A command that changed nothing was not written, and neither was its answer.
      return stored ? answer : this.#keep({ ...keyed, paymentIds: paymentIds(written) }, answer, request);
    });
  }

  /** Any other POST. `paymentIds`: the payments that the body shows. */
  run(
    request: FastifyRequest,
    merchantId: string,
    execute: () => Promise<{ httpStatus: number; body: unknown; paymentIds?: readonly string[] }>,
  ): Promise<Answer> {
    return this.#answerOnce(request, merchantId, async (keyed) => {
      const { httpStatus, body, paymentIds = [] } = await execute();
      const answer = { httpStatus, body: JSON.stringify(body), replayed: false };
      return keyed ? this.#keep({ ...keyed, paymentIds }, answer, request) : answer;
    });
  }

  #answerOnce(
    request: FastifyRequest,
    merchantId: string,
    carryOut: (keyed: Keyed | null) => Promise<Answer>,
  ): Promise<Answer> {
    const key = request.headers["idempotency-key"];
    return typeof key === "string" ? this.#answerKeyed(request, { merchantId, key }, carryOut) : carryOut(null);
  }

  async #answerKeyed(
    request: FastifyRequest,
    { merchantId, key }: Pick<Keyed, "merchantId" | "key">,
    carryOut: (keyed: Keyed) => Promise<Answer>,
  ): Promise<Answer> {
    const keyed = { merchantId, key, requestHash: hashOf(request) };
    const name = `${merchantId}\n${key}`;
    for (;;) {
      const flight = this.#flights.get(name);
      if (!flight) return this.#takeOff(name, keyed, request, carryOut);
      if (flight.requestHash !== keyed.requestHash) throw mismatch();
      if (flight.waiting >= MAX_WAITING) {
        throw new PaybellError(
          "idempotency_in_progress",
          "The first request with this Idempotency-Key is not done yet.",
        );
      }
      flight.waiting += 1;
      await flight.done;
    }
  }

  async #takeOff(
    name: string,
    keyed: Keyed,
    request: FastifyRequest,
    carryOut: (keyed: Keyed) => Promise<Answer>,
  ): Promise<Answer> {
    const { promise: done, resolve: land } = Promise.withResolvers<void>();
    this.#flights.set(name, { requestHash: keyed.requestHash, waiting: 0, done });
    try {
      return (await this.#replay(keyed)) ?? (await this.#carryOutFirst(keyed, request, carryOut));
    } finally {
      this.#flights.delete(name);
      land();
    }
  }

  async #carryOutFirst(
    keyed: Keyed,
    request: FastifyRequest,
    carryOut: (keyed: Keyed) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await carryOut(keyed);
    } catch (error) {
      if (error instanceof IdempotencyTaken) return this.#answerOfAnother(keyed);
      const refusal = knownError(error, this.#bodyBytes) ?? ownFailure(error, request);
      if (!isKept(refusal)) throw refusal;
      const { httpStatus, body } = refusalOf(refusal, request);
      return this.#keep(keyed, { httpStatus, body: JSON.stringify(body), replayed: false }, request);
    }
  }

  /** The request was carried out by now: its answer is given, also where it cannot be kept. */
  async #keep(
    keyed: Keyed & Pick<IdempotentAnswer, "paymentIds">,
    answer: Answer,
    request: FastifyRequest,
  ): Promise<Answer> {
    const { httpStatus, body } = answer;
    let stored: boolean;
    try {
      stored = await this.#store.storeIdempotentAnswer({ ...keyed, httpStatus, body, atMs: this.#clock.nowMs() });
    } catch (error) {
      request.log.error({ err: error }, "an answer could not be kept under its Idempotency-Key");
      return answer;
    }
    return stored ? answer : this.#answerOfAnother(keyed);
  }

  async #replay(keyed: Keyed): Promise<Answer | null> {
    const stored = await this.#store.idempotentAnswer(keyed.merchantId, keyed.key, this.#clock.nowMs());
    return stored ? replayOf(stored, keyed) : null;
  }

  /** Another process was faster. */
  async #answerOfAnother(keyed: Keyed): Promise<Answer> {
    const answer = await this.#replay(keyed);
    if (answer) return answer;
    throw new PaybellError(
      "idempotency_in_progress",
      "Another request with this Idempotency-Key is being carried out.",
    );
  }
}

/** Answers that are deleted in one commit, so that it holds up others for a short time only. */
const DELETED_AT_ONCE = 1_000;

/** Deletes every answer that is older than 24 hours. Called again and again for as long as the server runs. */
export async function deleteExpiredAnswers(
  store: Pick<IdempotencyStore, "deleteExpired">,
  nowMs: number,
): Promise<void> {
  while ((await store.deleteExpired(nowMs, DELETED_AT_ONCE)) === DELETED_AT_ONCE);
}

function replayOf(stored: IdempotentAnswer, keyed: Keyed): Answer {
  if (stored.requestHash !== keyed.requestHash) throw mismatch();
  return { httpStatus: stored.httpStatus, body: stored.body, replayed: true };
}

function isKept(refusal: PaybellError): boolean {
  if (refusal.code === "internal_error") return true;
  return refusal.spec.httpStatus === 409 && !refusal.spec.retryable && refusal.code !== "idempotency_mismatch";
}

function mismatch(): PaybellError {
  return new PaybellError("idempotency_mismatch", "This Idempotency-Key was used with another request.");
}

function hashOf(request: FastifyRequest): string {
  const parts = [request.method, request.url, JSON.stringify(request.body)];
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}
