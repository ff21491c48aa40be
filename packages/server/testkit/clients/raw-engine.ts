/** A polling client of Engine.IO 4 that says exactly what the test says. */
const SEPARATOR = "\x1e";

export interface RawResponse {
  status: number;
  headers: Headers;
  text: string;
}

export class RawPolling {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  /** The server's name for this connection. */
  readonly sid: string;

  private constructor(url: string, headers: Record<string, string>, sid: string) {
    this.#url = url;
    this.#headers = headers;
    this.sid = sid;
  }

  /** @param url of the engine, with its path
   * @throws Error with the server's answer when it is refused */
  static async open(url: string, headers: Record<string, string> = {}): Promise<RawPolling> {
    const answer = await request(`${url}/?EIO=4&transport=polling`, { headers });
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    const { sid } = JSON.parse(answer.text.slice(1)) as { sid: string };
    return new RawPolling(url, headers, sid);
  }

  /** Opens one and connects it to the main namespace. */
  static async connect(url: string, headers: Record<string, string> = {}): Promise<RawPolling> {
    const made = await RawPolling.open(url, headers);
    await made.push("40");
    await made.poll();
    return made;
  }

  /** Waits for what the server has to say. */
  poll(): Promise<RawResponse> {
    return this.ask({});
  }

  /** @returns the packets of one poll */
  async packets(): Promise<string[]> {
    return (await this.poll()).text.split(SEPARATOR);
  }

  /** Sends the packets in one body. */
  push(...packets: string[]): Promise<RawResponse> {
    return this.ask({ method: "POST", body: packets.join(SEPARATOR) });
  }

  ask(init: RequestInit, query = ""): Promise<RawResponse> {
    const url = `${this.#url}/?EIO=4&transport=polling&sid=${this.sid}${query}`;
    return request(url, { ...init, headers: { ...this.#headers, ...init.headers } });
  }
}

async function request(url: string, init: RequestInit): Promise<RawResponse> {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}
