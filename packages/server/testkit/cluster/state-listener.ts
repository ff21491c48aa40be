/** Clients of identiPay and Blockonomics, who are told how it stands: never backwards on one connection, the end in the end. */
import type { PaymentEvent, TransferView } from "@paybell/protocol";
import { WebSocket } from "ws";
import { BlockonomicsClient } from "../clients/blockonomics-client.ts";
import { compareNews, type Told } from "../expected-news.ts";
import type { Entry } from "./book.ts";
import type { Findings, Listener } from "./listener.ts";
import type { LogView } from "./log-view.ts";

const PAUSE_MS = 50;

interface SettlementMessage {
  type: "status" | "settlement" | "error";
  status?: string;
  suiTxDigest?: string | null;
  message?: string;
}

/** Source: docs/protocols/identipay.md, "Status". */
const IDENTIPAY_STATUS = {
  pending: "pending",
  confirming: "pending",
  reversed: "pending",
  paid: "settled",
  final: "settled",
  expired: "expired",
  failed: "expired",
  cancelled: "cancelled",
} as const;

/** As identiPay's document writes it, and coming back when its connection ends. */
export class IdentipayListener implements Listener {
  readonly wire = "identiPay";
  readonly name: string;
  /** Refusals for want of room, which the merchant's other clients may cause. */
  refusals = 0;
  readonly #url: string;
  readonly #id: string;
  readonly #heard: Told[][] = [];
  #socket: WebSocket | null = null;
  #closed = false;

  constructor(wsUrl: string, { id }: Pick<Entry, "id">) {
    this.#url = `${wsUrl}/ws/transactions/${id}`;
    this.#id = id;
    this.name = `identiPay on ${id}`;
    this.#connect();
  }

  get connections(): number {
    return this.#heard.length;
  }

  get told(): number {
    return this.#heard.flat().length;
  }

  compare(log: LogView): Findings {
    const states = log.ofPayment(this.#id).map(({ data: { payment } }) => {
      const status = payment ? IDENTIPAY_STATUS[payment.status] : "erased";
      return `${status} ${status === "settled" ? payment?.txId : null}`;
    });
    const changes = states.filter((state, at) => state !== states[at - 1]);
    const expected = changes.map((state): Told => [this.#id, state]);
    const last = this.#heard.at(-1)?.at(-1)?.[1];
    const { wrong } = compareNews(this.#heard, expected);
    const distinct = new Set(this.#heard.flat().map(([, state]) => state));
    return {
      missing: last === changes.at(-1) ? [] : [`${changes.at(-1)}, after ${last}`],
      wrong,
      repeats: this.told - distinct.size,
    };
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#closed) return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    const heard: Told[] = [];
    socket.on("open", () => this.#heard.push(heard));
    socket.on("message", (data) => {
      const { type, status, suiTxDigest = null, message } = JSON.parse(String(data)) as SettlementMessage;
      if (type !== "error") heard.push([this.#id, `${status} ${suiTxDigest}`]);
      else if (message?.startsWith("Too many connections")) this.refusals += 1;
      else heard.push([this.#id, `error ${message}`]);
    });
    // A refused connection is an error and then a close; the close brings it back.
    socket.on("error", () => undefined);
    socket.on("close", () => setTimeout(() => this.#connect(), PAUSE_MS));
  }
}

/** One address. Steps between may be left out: a client is told of one transaction at a time. */
export class BlockonomicsListener implements Listener {
  readonly wire = "Blockonomics";
  readonly name: string;
  readonly #client: BlockonomicsClient;
  readonly #id: string;

  constructor(wsUrl: string, { id, address }: Pick<Entry, "id" | "address">) {
    this.#client = new BlockonomicsClient({ wsUrl, address });
    this.#id = id;
    this.name = `Blockonomics on ${address}`;
  }

  get connections(): number {
    return this.#client.connections.length;
  }

  get told(): number {
    return this.#client.told.length;
  }

  compare(log: LogView): Findings {
    const steps = stepsByTransaction(log.ofPayment(this.#id));
    const wrong = this.#client.connections.flatMap((connection, nth) =>
      [...steps].flatMap(([txId, expected]) => {
        const heard = connection.filter(({ txid }) => txid === txId).map(({ status }) => status);
        const problem = isPartOf(heard, expected) ? [] : [`connection ${nth}, ${txId}: ${heard}; it was ${expected}`];
        return problem;
      }),
    );
    const unknown = this.#client.told.filter(({ txid }) => !steps.has(txid)).map(({ txid }) => `${txid} is not known`);
    const [newest, expected] = [...steps].at(-1) ?? [];
    const last = this.#client.told.filter(({ txid }) => txid === newest).at(-1)?.status;
    const isThere = newest === undefined || last === expected?.at(-1) || isNeverTold(expected ?? [], last);
    const distinct = new Set(this.#client.told.map(({ txid, status }) => `${txid} ${status}`));
    return {
      missing: isThere ? [] : [`${newest} at ${expected?.at(-1)}, after ${last}`],
      wrong: [...wrong, ...unknown],
      repeats: this.told - distinct.size,
    };
  }

  close(): void {
    this.#client.stop();
  }
}

/** Nobody has to hear of the end of what was never told. */
function isNeverTold(steps: readonly number[], told: number | undefined): boolean {
  return told === undefined && steps.at(-1) === -1;
}

/** Source: PROTOCOL.md, "Blockonomics". */
function statusOf({ status, confirmations }: TransferView): number {
  if (status === "seen" || status === "orphaned") return 0;
  if (status === "replaced" || status === "dropped") return -1;
  return confirmations >= 2 ? 2 : 1;
}

/** In the order in which the transactions came. */
function stepsByTransaction(events: readonly PaymentEvent[]): ReadonlyMap<string, readonly number[]> {
  const steps = new Map<string, number[]>();
  for (const transfer of events.flatMap(({ data }) => data.transfers)) {
    const own = steps.get(transfer.txId) ?? [];
    steps.set(transfer.txId, own);
    if (own.at(-1) !== statusOf(transfer)) own.push(statusOf(transfer));
  }
  return steps;
}

/** In this order, perhaps with others between. */
function isPartOf(part: readonly number[], whole: readonly number[]): boolean {
  let at = -1;
  return part.every((step) => {
    at = whole.indexOf(step, at + 1);
    return at >= 0;
  });
}
