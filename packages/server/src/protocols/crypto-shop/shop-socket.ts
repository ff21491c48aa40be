/** One visitor of one shop: `join-user`, `join-products`, and his session's rooms again when he comes back. */

import type { ErrorCode } from "@paybell/protocol";
import { PaybellError } from "../../kit/errors.ts";
import type { JoinedTopic } from "../../log/store.ts";
import { parseTopic, type Topic, topics } from "../../log/topic.ts";
import type {
  EventPacket,
  SocketIoConnection,
  SocketIoHandler,
  SocketIoHandshake,
} from "../../transports/socketio/connection.ts";
import type { CryptoShopDeps } from "./context.ts";
import { joinedUserId } from "./join-request.ts";
import { readMark } from "./mark.ts";
import { errorEvent } from "./messages.ts";
import { Rooms } from "./rooms.ts";
import { SessionMemory } from "./session-memory.ts";
import type { UserTokens } from "./user-token.ts";
import { Visitor } from "./visitor.ts";

/** `joinedAt` of a room that is remembered and not followed: wherever the client stands, it says nothing about this one. */
const NOT_FOLLOWED = Number.MAX_SAFE_INTEGER;

export class ShopSocket implements SocketIoHandler {
  readonly #context: CryptoShopDeps;
  readonly #connection: SocketIoConnection;
  readonly #visitor: Visitor;
  readonly #memory: SessionMemory;
  readonly #rooms: Rooms;
  /** Nothing that he asks is looked at before his session has its rooms again. */
  readonly #ready: Promise<void>;
  readonly #reported = new Set<ErrorCode>();
  /** The session's rooms that it may not have at the moment: the next token may be a good one. */
  #withheld: readonly Topic[] = [];
  #merchantId: string | null = null;

  constructor(
    context: CryptoShopDeps,
    tokens: UserTokens,
    connection: SocketIoConnection,
    handshake: SocketIoHandshake,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#visitor = new Visitor(context, tokens, handshake);
    this.#memory = new SessionMemory(context, handshake.session);
    this.#rooms = new Rooms(context, connection);
    this.#ready = this.#return(handshake.session.offset).catch((error: unknown) => this.#fail(error));
  }

  async onEvent(name: string, args: readonly unknown[]): Promise<void> {
    await this.#ready;
    try {
      // Whatever else a client says has no meaning here, as in the document.
      if (name === "join-user") await this.#joinUser(joinedUserId(args));
      else if (name === "join-products") await this.#joinProducts();
    } catch (error) {
      this.#refuse(error);
    }
  }

  farewell(code: ErrorCode): EventPacket {
    return errorEvent(code);
  }

  onBeat(nowMs: number): void {
    const { provenUntilMs } = this.#visitor;
    if (provenUntilMs !== null && nowMs >= provenUntilMs) {
      // Comes back by itself, with what token it has by then.
      this.#connection.end("unauthorized");
      return;
    }
    if (this.#merchantId !== null) this.#memory.renew(nowMs, this.#merchantId, this.#remembered());
  }

  onClose(): void {
    this.#rooms.close();
  }

  async #return(offset: string | null): Promise<void> {
    this.#merchantId = await this.#visitor.merchant();
    if (this.#merchantId === null) return;
    const joined = await this.#memory.recall(this.#merchantId);
    for (const room of joined) await this.#reopen(this.#merchantId, room);
    if (this.#rooms.joined.length === 0) return;
    await this.#memory.keep(this.#merchantId, this.#remembered());
    const mark = offset === null ? null : await readMark(this.#context.log, offset);
    const isWhole = this.#withheld.length === 0 && joined.every(({ joinedAt }) => joinedAt !== NOT_FOLLOWED);
    await this.#rooms.tellAgain(mark, { isWhole });
  }

  /** Each room is asked for anew: what may be followed is decided by who is here now. */
  async #reopen(merchantId: string, { topic, joinedAt }: JoinedTopic): Promise<void> {
    try {
      const parsed = parseTopic(topic);
      if (parsed?.kind === "customer") await this.#visitor.mustBe(merchantId, parsed.parts[1] as string);
      this.#open(merchantId, topic, joinedAt === NOT_FOLLOWED ? undefined : joinedAt);
    } catch (error) {
      this.#withheld = [...this.#withheld, topic];
      this.#refuse(error);
    }
  }

  /** The rooms that the session has when it comes back. */
  #remembered(): readonly JoinedTopic[] {
    const withheld = this.#withheld.filter((topic) => !this.#rooms.has(topic));
    const all = [...this.#rooms.joined, ...withheld.map((topic) => ({ topic, joinedAt: NOT_FOLLOWED }))];
    return all.slice(0, this.#context.limits.cryptoShopRoomsPerConnection);
  }

  async #joinUser(userId: string): Promise<void> {
    const merchantId = this.#merchant();
    await this.#visitor.mustBe(merchantId, userId);
    await this.#join(merchantId, topics.customer(merchantId, userId));
  }

  #joinProducts(): Promise<void> {
    const merchantId = this.#merchant();
    return this.#join(merchantId, topics.stock(merchantId));
  }

  async #join(merchantId: string, topic: Topic): Promise<void> {
    if (this.#rooms.has(topic)) return;
    const { cryptoShopRoomsPerConnection: limit } = this.#context.limits;
    if (this.#rooms.joined.length >= limit) {
      throw new PaybellError("too_many_subscriptions", `A connection may join ${limit} rooms.`);
    }
    this.#open(merchantId, topic);
    if (!this.#rooms.has(topic)) return;
    // Before anything is told: whoever has heard something has its room again, whatever happens to the server.
    await this.#memory.keep(merchantId, this.#remembered());
    await this.#rooms.tell(topic).catch((error: unknown) => {
      this.#rooms.leave(topic);
      throw error;
    });
  }

  #open(merchantId: string, topic: Topic, joinedAt?: number): void {
    if (this.#connection.closed) return;
    this.#connection.serve(merchantId);
    this.#rooms.open(topic, joinedAt);
  }

  /** @throws PaybellError not_found */
  #merchant(): string {
    if (this.#merchantId !== null) return this.#merchantId;
    throw new PaybellError("not_found", "Which shop? Give its publishable key: ?key= in the query, or auth.key.");
  }

  /** Tells the client; what is not its fault is told to the operator too. */
  #refuse(error: unknown): void {
    if (!(error instanceof PaybellError)) {
      this.#fail(error);
      return;
    }
    const { code, message } = error;
    // What may pass: it comes back by itself, and asks again.
    if (code === "overloaded") this.#connection.end(code);
    else this.#connection.send(errorEvent(code, message));
    if (this.#reported.has(code)) return;
    this.#reported.add(code);
    const { remoteAddress } = this.#connection;
    this.#context.onRefused({ merchantId: this.#merchantId, code, message, remoteAddress });
  }

  #fail(error: unknown): void {
    this.#context.onError(error);
    this.#connection.end("internal_error");
  }
}
