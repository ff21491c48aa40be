/** A merchant's backend that speaks identiPay over HTTP. */

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there.
  json: any;
}

export const PROPOSAL = {
  items: [{ name: "Shirt", quantity: 2, unitPrice: "12.50" }],
  amount: { value: "25.00", currency: "USDC" },
  deliverables: { receipt: true },
};

export class IdentipayShop {
  readonly #url: string;
  readonly #key: string | null;

  constructor(url: string, key: string | null) {
    this.#url = url;
    this.#key = key;
  }

  propose(fields: Record<string, unknown> = {}): Promise<Answer> {
    return this.call("POST", "/api/identipay/v1/proposals", { ...PROPOSAL, ...fields });
  }

  status(transactionId: string): Promise<Answer> {
    return this.call("GET", `/api/identipay/v1/transactions/${transactionId}/status`);
  }

  /** As the document's curl does it: without a key. */
  settle(transactionId: unknown): Promise<Answer> {
    return new IdentipayShop(this.#url, null).call("POST", "/api/test/settle", { transactionId });
  }

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...(this.#key === null ? {} : { authorization: `Bearer ${this.#key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, json: text === "" ? null : JSON.parse(text) };
  }
}
