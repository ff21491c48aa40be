/** A merchant with clients of Transak: his keys, his access token, his backend's calls. */
import { MERCHANT, type ProtocolServer } from "../protocol-server.ts";
import { Api } from "./api.ts";

export interface TransakAnswer {
  status: number;
  json: {
    data?: Record<string, unknown> & { accessToken: string; expiresAt: number; signsFrom: number };
    meta?: Record<string, unknown>;
    error?: { statusCode: number; name: string; message: string; errorCode: string };
  };
}

export class TransakShop {
  readonly url: string;
  /** The publishable key. */
  readonly apiKey: string;
  readonly apiSecret: string;
  /** The native API, as this merchant. */
  readonly api: Api;
  accessToken = "";

  /** With keys and a first access token. */
  static async open(server: ProtocolServer, merchantId = MERCHANT): Promise<TransakShop> {
    const keys = {
      apiKey: await server.addKey("publishable", merchantId),
      apiSecret: await server.addKey("secret", merchantId),
    };
    const shop = new TransakShop(server.url, keys);
    const { json } = await shop.refreshToken();
    shop.accessToken = json.data?.accessToken ?? "";
    return shop;
  }

  constructor(url: string, { apiKey, apiSecret }: { apiKey: string; apiSecret: string }) {
    this.url = url;
    this.apiKey = apiKey;
    this.apiSecret = apiSecret;
    this.api = new Api(url, apiSecret);
  }

  refreshToken(more: Record<string, unknown> = {}, apiSecret: string | null = this.apiSecret): Promise<TransakAnswer> {
    const headers = { "content-type": "application/json", ...(apiSecret === null ? {} : { "api-secret": apiSecret }) };
    const body = JSON.stringify({ apiKey: this.apiKey, ...more });
    return this.#fetch("/refresh-token", { method: "POST", headers, body });
  }

  get(path: string, accessToken: string | null = this.accessToken): Promise<TransakAnswer> {
    return this.#fetch(path, { headers: accessToken === null ? {} : { "access-token": accessToken } });
  }

  async #fetch(path: string, init: RequestInit): Promise<TransakAnswer> {
    const answer = await fetch(`${this.url}/partners/api/v2${path}`, init);
    return { status: answer.status, json: (await answer.json()) as TransakAnswer["json"] };
  }
}
