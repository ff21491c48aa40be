/** One connection of the native WebSocket: who it is, and what it follows. */
import type { StreamMessage } from "@paybell/protocol";
import { cursorExpired, positionAt, resolveCursor } from "../../fanout/cursor.ts";
import { bearerKey, type Caller } from "../../http/authenticator.ts";
import type { Audience } from "../../http/deps.ts";
import { PaybellError } from "../../kit/errors.ts";
import { mayUseKeys } from "../../kit/origins.ts";
import { CursorExpired } from "../../log/event-log.ts";
import type { Snapshot } from "../../log/store.ts";
import { parseTopic, TOPIC_FORMS, type Topic } from "../../log/topic.ts";
import { viewMerchant, viewPublic } from "../../payments/payment.ts";
import type { Connection, ConnectionHandler, UpgradeRequest } from "../../transports/websocket/connection.ts";
import { textFrame } from "../../transports/websocket/frame.ts";
import type { ProtocolContext } from "../protocol.ts";
import { canonicalTopic, type KnownChains } from "./canonical-topic.ts";
import { KeyGuard } from "./key-guard.ts";
import { parseStreamRequest } from "./stream-request.ts";
import { TopicFeed } from "./topic-feed.ts";

export interface StreamContext extends ProtocolContext {
  chains: KnownChains;
}

/** A topic that this client may follow, and what it may see there. */
interface Grant {
  topic: Topic;
  merchantId: string;
  audience: Audience;
  /** Only of a `payment:` topic. */
  snapshot: Snapshot | null;
}

export class StreamSession implements ConnectionHandler {
  readonly #context: StreamContext;
  readonly #connection: Connection;
  readonly #feeds = new Map<string, TopicFeed>();
  /** The key of the upgrade request is being looked up; no message is handled before. */
  readonly #ready: Promise<void>;
  /** Of the page that opened the connection; other programs send none. */
  readonly #origin: string | undefined;
  #caller: Caller | null = null;
  #keyGuard: KeyGuard | null = null;

  constructor(context: StreamContext, connection: Connection, request: UpgradeRequest) {
    this.#context = context;
    this.#connection = connection;
    this.#origin = request.headers.origin;
    this.#ready = this.#useHeader(request.headers.authorization).catch((error: unknown) => this.#endWith(error));
  }

  async onMessage(text: string): Promise<void> {
    let topic: string | undefined;
    try {
      await this.#ready;
      const message = parseStreamRequest(text);
      if ("topic" in message) topic = message.topic;
      switch (message.type) {
        case "auth":
          return await this.#authenticate(message.key);
        case "subscribe":
          return await this.#subscribe(message.topic, message.after ?? null);
        case "unsubscribe":
          return this.#unsubscribe(message.topic);
        case "ping":
          return this.#send({ type: "pong" });
      }
    } catch (error) {
      this.#refuse(error, topic);
    }
  }

  onBinary(): void {
    this.#refuse(new PaybellError("invalid_request", "Messages are JSON text, not binary."));
  }

  onBeat(): void {
    this.#keyGuard?.beat();
  }

  onClose(): void {
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
  }

  async #useHeader(authorization: string | undefined): Promise<void> {
    if (authorization !== undefined) this.#caller = await this.#callerOf(bearerKey(authorization));
  }

  async #authenticate(key: string): Promise<void> {
    if (this.#caller || this.#feeds.size > 0) {
      throw new PaybellError("invalid_request", "The key must be the first thing that is sent, and only once.");
    }
    try {
      this.#caller = await this.#callerOf(key);
    } catch (error) {
      this.#endWith(error);
      return;
    }
    this.#send({ type: "authenticated", merchant: this.#caller.merchantId });
  }

  /** A wrong key ends the connection, so that keys cannot be tried at the speed of messages. */
  async #callerOf(key: string | null): Promise<Caller> {
    if (this.#origin !== undefined && !mayUseKeys(this.#origin, this.#context)) {
      throw new PaybellError(
        "forbidden",
        `Pages of ${this.#origin} may not use keys here: see PAYBELL_ALLOWED_ORIGINS.`,
      );
    }
    const caller = key === null ? null : await this.#context.authenticator.callerOf(key);
    if (key === null || !caller) throw new PaybellError("unauthorized", "The key is not known, or was revoked.");
    const { authenticator, onError } = this.#context;
    const onRevoked = () => this.#endWith(new PaybellError("unauthorized", "The key was revoked."));
    this.#keyGuard = new KeyGuard({ authenticator, key, onRevoked, onError });
    return caller;
  }

  async #subscribe(name: string, after: string | null): Promise<void> {
    const { log, limits } = this.#context;
    const known = this.#feeds.get(name);
    if (known) {
      this.#send({ type: "subscribed", topic: name, position: positionAt(log, known.offset) });
      return;
    }
    if (this.#feeds.size >= limits.subscriptionsPerConnection) {
      throw new PaybellError("too_many_subscriptions", "This connection may not follow more topics.", {
        limit: "subscriptionsPerConnection",
        value: limits.subscriptionsPerConnection,
      });
    }
    const cursor = after === null ? null : await this.#cursorOf(name, after);
    // Listening begins before the snapshot is read: whatever happens between the two is heard.
    const feed = this.#openFeed(name);
    try {
      const grant = await this.#grant(name);
      this.#begin(feed, grant, cursor);
    } catch (error) {
      feed.close();
      throw error;
    }
  }

  #openFeed(name: string): TopicFeed {
    const topic = canonicalTopic(name, this.#context.chains);
    return new TopicFeed(this.#context, this.#connection, { topic, name }, () => this.#forget(name));
  }

  #begin(feed: TopicFeed, grant: Grant, cursor: number | null): void {
    const { log } = this.#context;
    if (this.#connection.closed) {
      feed.close();
      return;
    }
    const { topic, audience, snapshot, merchantId } = grant;
    this.#connection.serve(merchantId);
    const offset = cursor ?? snapshot?.offset ?? feed.openedAt;
    const position = positionAt(log, offset);
    this.#feeds.set(topic, feed);
    this.#send({ type: "subscribed", topic, position });
    if (snapshot && cursor === null) {
      const payment = audience === "merchant" ? viewMerchant(snapshot.state) : viewPublic(snapshot.state);
      this.#send({ type: "snapshot", topic, payment, position });
    }
    feed.follow(audience, offset).catch((error: unknown) => {
      this.#forget(topic);
      this.#refuse(error instanceof CursorExpired ? cursorExpired() : error, topic);
    });
  }

  /** The offset of the cursor; `null` (after saying so) when it has expired and a snapshot can take its place. */
  async #cursorOf(topic: string, after: string): Promise<number | null> {
    try {
      return await resolveCursor(this.#context.log, after);
    } catch (error) {
      const replaceable = error instanceof PaybellError && error.code === "cursor_expired";
      if (!replaceable || parseTopic(topic)?.kind !== "payment") throw error;
      // Only now: a client must not learn from the order of errors that somebody else's payment exists.
      await this.#grant(topic);
      this.#refuse(error, topic);
      return null;
    }
  }

  /** What this client may follow under that name. Another merchant's topic does not exist for it. */
  async #grant(name: string): Promise<Grant> {
    const parsed = parseTopic(name);
    if (!parsed) {
      throw new PaybellError("invalid_request", "topic: It has none of the documented forms.", {
        field: "topic",
        allowed: TOPIC_FORMS,
      });
    }
    const topic = name as Topic;
    const caller = this.#caller;
    if (parsed.kind === "payment") {
      const snapshot = await this.#context.payments.snapshot(parsed.parts[0] as string);
      const isOthers = caller && snapshot && snapshot.state.payment.merchantId !== caller.merchantId;
      if (!snapshot || isOthers) throw new PaybellError("not_found", "There is no such payment.");
      const { merchantId } = snapshot.state.payment;
      return { topic, merchantId, audience: caller?.kind === "secret" ? "merchant" : "public", snapshot };
    }
    if (!caller) throw new PaybellError("unauthorized", "Without a key only payment topics can be followed.");
    if (parsed.merchantId !== caller.merchantId) throw new PaybellError("not_found", "There is no such topic.");
    if (caller.kind !== "secret") throw new PaybellError("forbidden", "This topic needs a secret key.");
    return { topic, merchantId: caller.merchantId, audience: "merchant", snapshot: null };
  }

  #unsubscribe(topic: string): void {
    this.#forget(topic);
    this.#send({ type: "unsubscribed", topic });
  }

  #forget(topic: string): void {
    this.#feeds.get(topic)?.close();
    this.#feeds.delete(topic);
  }

  /** Tells the client what was wrong. What is not its fault is told to the operator too. */
  #refuse(error: unknown, topic?: string): void {
    const shown =
      error instanceof PaybellError
        ? error
        : new PaybellError("internal_error", "Paybell failed; the log of the server says why.");
    if (shown !== error) this.#context.onError(error);
    const { code, message, details } = shown;
    const about = topic === undefined ? {} : { topic };
    this.#send({ type: "error", code, message, ...about, ...(details === undefined ? {} : { details }) });
  }

  #endWith(error: unknown): void {
    this.#refuse(error);
    this.#connection.end(error instanceof PaybellError ? error.code : "internal_error");
  }

  #send(message: StreamMessage): void {
    this.#connection.send(textFrame(JSON.stringify(message)));
  }
}
