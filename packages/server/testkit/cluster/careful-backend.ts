/** A merchant's backend that comes through anything: each request has a key and a time, and is repeated until it is answered. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ERRORS, type ErrorCode } from "@paybell/protocol";
import { ApiError } from "../clients/api.ts";

export interface Answered<T> {
  body: T;
  /** Requests that were sent for it: more than 1 where an answer was lost or said "later". */
  attempts: number;
}

export interface BackendOptions {
  url: string;
  key: string;
  /** After so long without an answer a request is taken for lost, ms. */
  timeoutMs: number;
  /** A request that is not answered for so long ends the run: nothing that is done to the cluster takes longer, ms. */
  patienceMs: number;
}

const PAUSE_MS = 50;

export class CarefulBackend {
  /** Requests that were answered, and requests that were sent once more. */
  answered = 0;
  readonly repeated = new Map<string, number>();
  readonly #options: BackendOptions;

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  get repeats(): number {
    return [...this.repeated.values()].reduce((sum, count) => sum + count, 0);
  }

  /** @throws ApiError for a refusal that stays; Error when patience ends */
  async ask<T>(method: string, path: string, body?: object): Promise<Answered<T>> {
    const giveUpAtMs = Date.now() + this.#options.patienceMs;
    const key = randomUUID();
    for (let attempts = 1; ; attempts += 1) {
      try {
        const answer = await this.#once<T>(method, path, body, key);
        this.answered += 1;
        return { body: answer, attempts };
      } catch (error) {
        const why = reasonToRepeat(error);
        if (why === null) throw Object.assign(error as ApiError, { attempts });
        if (Date.now() > giveUpAtMs) throw new Error(`${method} ${path} was sent ${attempts} times`, { cause: error });
        this.repeated.set(why, (this.repeated.get(why) ?? 0) + 1);
      }
      await sleep(PAUSE_MS * Math.min(attempts, 10));
    }
  }

  post<T>(path: string, body: object): Promise<Answered<T>> {
    return this.ask("POST", path, body);
  }

  get<T>(path: string): Promise<Answered<T>> {
    return this.ask("GET", path);
  }

  async #once<T>(method: string, path: string, body: object | undefined, key: string): Promise<T> {
    const { url, key: secret, timeoutMs } = this.#options;
    const headers: Record<string, string> = { authorization: `Bearer ${secret}` };
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      headers["idempotency-key"] = key;
      init.body = JSON.stringify(body);
    }
    const answer = await fetch(`${url}${path}`, init);
    const text = await answer.text();
    const parsed = text === "" ? {} : JSON.parse(text);
    if (!answer.ok) throw new ApiError(answer.status, parsed);
    return parsed as T;
  }
}

/** `null`: it would be answered the same again. */
function reasonToRepeat(error: unknown): string | null {
  if (error instanceof ApiError) {
    const isLater = error.status >= 500 || ERRORS[error.code as ErrorCode]?.retryable === true;
    return isLater ? `${error.status} ${error.code}` : null;
  }
  return error instanceof DOMException ? "no answer" : "no connection";
}
