/** The merchant's backend in tests: the HTTP API with one key. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { MerchantPayment, PaymentEvent } from "@paybell/protocol";

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, body: { error?: { code?: string; message?: string } }) {
    super(`${status} ${body.error?.code}: ${body.error?.message}`);
    this.status = status;
    this.code = body.error?.code ?? "";
  }
}

export class Api {
  readonly url: string;
  readonly #key: string | null;

  constructor(url: string, key: string | null = "sk_sandbox_paybell") {
    this.url = url;
    this.#key = key;
  }

  /** @throws ApiError for a refusal, TypeError when the server cannot be reached */
  async call<T>(method: string, path: string, body?: unknown, idempotencyKey?: string): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.#key !== null) headers.authorization = `Bearer ${this.#key}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = JSON.stringify(body);
    const answer = await fetch(`${this.url}${path}`, init);
    const text = await answer.text();
    const parsed = text === "" ? {} : JSON.parse(text);
    if (!answer.ok) throw new ApiError(answer.status, parsed);
    return parsed as T;
  }

  createPayment(request: Record<string, unknown> = {}, idempotencyKey?: string): Promise<MerchantPayment> {
    return this.call(
      "POST",
      "/v1/payments",
      { amount: "1000000", asset: "SBX", chain: "sandbox", ...request },
      idempotencyKey,
    );
  }

  payment(id: string): Promise<MerchantPayment> {
    return this.call("GET", `/v1/payments/${id}`);
  }

  pay(paymentId: string, amount?: string): Promise<{ txId: string }> {
    return this.call("POST", "/v1/sandbox/pay", amount === undefined ? { paymentId } : { paymentId, amount });
  }

  mine(blocks: number): Promise<{ height: number }> {
    return this.call("POST", "/v1/sandbox/mine", { blocks });
  }

  reorg(depth: number): Promise<{ height: number }> {
    return this.call("POST", "/v1/sandbox/reorg", { depth });
  }

  /** Everything from the beginning of the log. */
  async allEvents(paymentId?: string): Promise<PaymentEvent[]> {
    const events: PaymentEvent[] = [];
    const query = new URLSearchParams({ limit: "1000" });
    if (paymentId) query.set("paymentId", paymentId);
    for (;;) {
      const page = await this.call<{ events: PaymentEvent[]; next: string }>("GET", `/v1/events?${query}`);
      events.push(...page.events);
      if (page.events.length === 0) return events;
      query.set("after", page.next);
    }
  }

  /** Repeats a request through crashes of the server, under one Idempotency-Key, until it is answered. */
  async insist<T>(request: (idempotencyKey: string) => Promise<T>): Promise<T> {
    const key = randomUUID();
    for (;;) {
      try {
        return await request(key);
      } catch (error) {
        const retryable =
          !(error instanceof ApiError) || error.status >= 500 || error.code === "idempotency_in_progress";
        if (!retryable) throw error;
        await delay(30);
      }
    }
  }
}
