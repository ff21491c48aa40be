/** Merchants and keys on PostgreSQL. */
import type { AccessToken, ApiKey, Merchant, MerchantSettings, MerchantStore } from "../../log/store.ts";
import type { PostgresDatabase } from "./database.ts";

export class PostgresMerchantStore implements MerchantStore {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  createMerchant(merchant: Merchant): Promise<void> {
    return this.#database.write("createMerchant", merchant);
  }

  merchants(): Promise<readonly Merchant[]> {
    return this.#database.read("merchants");
  }

  merchant(id: string): Promise<Merchant | null> {
    return this.#database.read("merchant", id);
  }

  setXpub(merchantId: string, chain: string, xpub: string): Promise<void> {
    return this.#database.write("setXpub", merchantId, chain, xpub);
  }

  setAddress(merchantId: string, chain: string, address: string): Promise<void> {
    return this.#database.write("setAddress", merchantId, chain, address);
  }

  addresses(merchantId: string): Promise<Readonly<Record<string, string>>> {
    return this.#database.read("addresses", merchantId);
  }

  settings(merchantId: string): Promise<MerchantSettings> {
    return this.#database.read("settings", merchantId);
  }

  changeSettings(merchantId: string, changed: Partial<MerchantSettings>): Promise<void> {
    return this.#database.write("changeSettings", merchantId, changed);
  }

  createKey(key: ApiKey): Promise<void> {
    return this.#database.write("createKey", key);
  }

  keys(merchantId: string): Promise<readonly ApiKey[]> {
    return this.#database.read("keys", merchantId);
  }

  keyByHash(hash: string): Promise<ApiKey | null> {
    return this.#database.read("keyByHash", hash);
  }

  revokeKey(id: string, atMs: number): Promise<boolean> {
    return this.#database.write("revokeKey", id, atMs);
  }

  issueAccessToken(token: AccessToken, { revokeOlder }: { revokeOlder: boolean }): Promise<AccessToken> {
    return this.#database.write("issueAccessToken", token, revokeOlder);
  }

  accessTokens(merchantId: string): Promise<readonly AccessToken[]> {
    return this.#database.read("accessTokens", merchantId);
  }

  accessTokenByHash(hash: string): Promise<AccessToken | null> {
    return this.#database.read("accessTokenByHash", hash);
  }

  takeDerivationIndex(chain: string, derivedFrom: string, gapLimit: number): Promise<number | null> {
    return this.#database.write("takeDerivationIndex", chain, derivedFrom, gapLimit);
  }
}
