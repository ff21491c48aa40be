/** Questions to one TRON node over its HTTP API. Source: java-tron, FullNode and SolidityNode HTTP interfaces. */
import { EndpointFailure } from "../following/block-source.ts";
import { JsonHttp } from "../following/json-http.ts";
import {
  type BlockAnswer,
  type HeaderView,
  headerOf,
  type InfoAnswer,
  readBlock,
  readBlocks,
  readInfo,
  readInfos,
} from "./answers.ts";

export interface TronEndpoint {
  /** The full node's HTTP interface: what stands before `/wallet/…`. */
  url: string;
  /** What stands before `/walletsolidity/…`; left out: the same. */
  solidityUrl?: string;
  /** Such as `TRON-PRO-API-KEY`. */
  headers?: Readonly<Record<string, string>>;
}

/** Heights of a range of blocks in one question. */
export interface BlockRange {
  first: number;
  count: number;
}

export class TronApi {
  /** For messages: no path, no credentials. */
  readonly name: string;
  readonly #wallet: JsonHttp;
  readonly #solidity: JsonHttp;
  /** By interface: whether the node gives a header alone. Not yet known where it is left out. */
  readonly #givesHeaders = new Map<JsonHttp, boolean>();

  constructor(endpoint: TronEndpoint, timeoutMs: number, signal: AbortSignal) {
    const { url, solidityUrl, headers = {} } = endpoint;
    this.#wallet = new JsonHttp({ url, headers, timeoutMs, label: "The TRON node" }, signal);
    this.#solidity = new JsonHttp(
      { url: solidityUrl ?? url, headers, timeoutMs, label: "The TRON node (walletsolidity)" },
      signal,
    );
    this.name = this.#wallet.name;
  }

  /** The newest block. @throws EndpointFailure */
  async head(): Promise<HeaderView> {
    return this.#present(await this.#header(this.#wallet, "wallet", null));
  }

  /** The newest block on which enough super representatives have built. @throws EndpointFailure */
  async solidified(): Promise<HeaderView> {
    return this.#present(await this.#header(this.#solidity, "walletsolidity", null));
  }

  /** `null`: there is none. @throws EndpointFailure */
  headerAt(height: number): Promise<HeaderView | null> {
    return this.#header(this.#wallet, "wallet", height);
  }

  /** `null`: there is none. @throws EndpointFailure */
  async block(height: number): Promise<BlockAnswer | null> {
    return readBlock(await this.#wallet.post("wallet/getblockbynum", { num: height, visible: false }), this.name);
  }

  /** Those that there are, in ascending order. @throws EndpointFailure */
  async blocks({ first, count }: BlockRange): Promise<BlockAnswer[]> {
    const body = { startNum: first, endNum: first + count, visible: false };
    return readBlocks(await this.#wallet.post("wallet/getblockbylimitnext", body), this.name);
  }

  /** Of all transactions of a block. @throws EndpointFailure */
  async infos(height: number): Promise<InfoAnswer[]> {
    const body = { num: height, visible: false };
    return readInfos(await this.#wallet.post("wallet/gettransactioninfobyblocknum", body), this.name);
  }

  /** `null`: it is in no block. @throws EndpointFailure */
  async info(txId: string): Promise<InfoAnswer | null> {
    const body = { value: txId, visible: false };
    return readInfo(await this.#wallet.post("wallet/gettransactioninfobyid", body), this.name);
  }

  /** `getblock` gives the header alone; a node or provider without it gives the whole block, a thousand times as much. */
  async #header(http: JsonHttp, path: string, height: number | null): Promise<HeaderView | null> {
    const whole = () => this.#wholeHeader(http, path, height);
    const known = this.#givesHeaders.get(http);
    if (known === false) return whole();
    try {
      const question = { ...(height === null ? {} : { id_or_num: String(height) }), detail: false };
      const header = this.#headerIn(http, await http.post(`${path}/getblock`, question));
      this.#givesHeaders.set(http, true);
      return header;
    } catch (error) {
      if (known === true || !(error instanceof EndpointFailure) || error.retryAfterMs !== null) throw error;
      const header = await whole();
      this.#givesHeaders.set(http, false);
      return header;
    }
  }

  async #wholeHeader(http: JsonHttp, path: string, height: number | null): Promise<HeaderView | null> {
    const answer =
      height === null
        ? await http.post(`${path}/getnowblock`, { visible: false })
        : await http.post(`${path}/getblockbynum`, { num: height, visible: false });
    return this.#headerIn(http, answer);
  }

  #headerIn(http: JsonHttp, answer: unknown): HeaderView | null {
    const block = readBlock(answer, http.name);
    return block && headerOf(block, http.name);
  }

  #present(header: HeaderView | null): HeaderView {
    if (header) return header;
    throw new EndpointFailure(`${this.name} has no newest block: is it starting?`);
  }
}
