/**
 * Looks keys up by their hash. Good keys are remembered for two seconds, so a revocation is in force within two seconds
 * on every node; unknown keys are not remembered, so a new key works at once.
 * Keys of the other mode (above all the sandbox's constants in live mode) are refused without a look-up.
 */
import type { Clock } from "../kit/clock.ts";
import type { ApiKey, MerchantStore } from "../log/store.ts";
import type { Authenticator, Caller } from "./authenticator.ts";
import { hashKey, type KeyMode, parseKey } from "./keys.ts";

/** A revocation is in force after this time at the latest. */
export const KEY_CACHE_TTL_MS = 2_000;
/** Keys remembered at once; about 300 bytes each. */
const KEY_CACHE_SIZE = 10_000;

export interface KeyAuthenticatorOptions {
  merchants: MerchantStore;
  clock: Clock;
  mode: KeyMode;
  /** Host name (lower case, without port) → merchant id. */
  hosts: Readonly<Record<string, string>>;
}

interface Remembered<T> {
  value: T;
  untilMs: number;
}

export class KeyAuthenticator implements Authenticator {
  readonly #options: KeyAuthenticatorOptions;
  readonly #hosts: ReadonlyMap<string, string>;
  /** In the order of insertion: the oldest is the first to go. */
  readonly #callers = new Map<string, Remembered<Caller>>();
  /** Under way: the streams of one key ask all at once, and the database is asked once. */
  readonly #lookups = new Map<string, Promise<ApiKey | null>>();
  #onlyMerchant: Remembered<string | null> | null = null;

  constructor(options: KeyAuthenticatorOptions) {
    this.#options = options;
    this.#hosts = new Map(Object.entries(options.hosts).map(([host, id]) => [host.toLowerCase(), id]));
  }

  async callerOf(key: string): Promise<Caller | null> {
    const form = parseKey(key);
    if (!form || form.mode !== this.#options.mode) return null;
    const hash = hashKey(key);
    const nowMs = this.#options.clock.nowMs();
    const remembered = this.#callers.get(hash);
    if (remembered && remembered.untilMs > nowMs) return remembered.value;
    this.#callers.delete(hash);
    const row = await this.#lookUp(hash);
    if (!row || row.kind !== form.kind) return null;
    const caller = callerFrom(row);
    this.#remember(hash, caller, nowMs);
    return caller;
  }

  async merchantOf(request: { host: string | undefined; publishableKey: string | null }): Promise<string | null> {
    const byHost = this.#hosts.get(hostName(request.host)) ?? null;
    if (request.publishableKey === null) return byHost ?? this.#theOnlyMerchant();
    const caller = await this.callerOf(request.publishableKey);
    // A secret key has no place in a query string, so it does not work there.
    if (caller?.kind !== "publishable") return null;
    return byHost === null || byHost === caller.merchantId ? caller.merchantId : null;
  }

  #lookUp(hash: string): Promise<ApiKey | null> {
    const underWay = this.#lookups.get(hash);
    if (underWay) return underWay;
    const lookup = this.#options.merchants.keyByHash(hash).finally(() => this.#lookups.delete(hash));
    this.#lookups.set(hash, lookup);
    return lookup;
  }

  async #theOnlyMerchant(): Promise<string | null> {
    const nowMs = this.#options.clock.nowMs();
    if (!this.#onlyMerchant || this.#onlyMerchant.untilMs <= nowMs) {
      const all = await this.#options.merchants.merchants();
      const value = all.length === 1 ? (all[0]?.id ?? null) : null;
      this.#onlyMerchant = { value, untilMs: nowMs + KEY_CACHE_TTL_MS };
    }
    return this.#onlyMerchant.value;
  }

  #remember(hash: string, caller: Caller, nowMs: number): void {
    if (this.#callers.size >= KEY_CACHE_SIZE) {
      const oldest = this.#callers.keys().next();
      if (!oldest.done) this.#callers.delete(oldest.value);
    }
    this.#callers.set(hash, { value: caller, untilMs: nowMs + KEY_CACHE_TTL_MS });
  }
}

function callerFrom(row: ApiKey): Caller {
  return { merchantId: row.merchantId, keyId: row.id, kind: row.kind };
}

/** `Shop.Example:8000` → `shop.example`. */
function hostName(host: string | undefined): string {
  return (host ?? "").toLowerCase().replace(/:[0-9]*$/, "");
}
