/**
 * What a session has joined, kept in the database, so that it has its rooms again after it was cut off: the document's
 * own sample joins again on an event that never fires (`socket.on("reconnect")`, which Socket.IO 4 gives to the manager).
 * Works after a restart of the server, and also where nothing was received before.
 */
import type { JoinedTopic, SessionStore } from "../../log/store.ts";
import type { SocketIoHandshake } from "../../transports/socketio/connection.ts";
import type { CryptoShopDeps } from "./context.ts";

type MemoryContext = Pick<CryptoShopDeps, "clock" | "limits" | "replayWindowMs" | "onError"> & {
  sessions: Pick<SessionStore, "session" | "keepSession">;
};

/** An open session is written again after this part of the window, so that it is never older than one and a quarter. */
const RENEWALS_PER_WINDOW = 4;
/** A window of no length remembers sessions all the same, for so long. */
const MIN_KEPT_MS = 60_000;

/** Sessions that were last seen before are forgotten. */
function keptSinceMs({ clock, replayWindowMs }: Pick<MemoryContext, "clock" | "replayWindowMs">): number {
  return clock.nowMs() - (Math.max(replayWindowMs, MIN_KEPT_MS) * (RENEWALS_PER_WINDOW + 1)) / RENEWALS_PER_WINDOW;
}

/** Sessions that are deleted in one commit, so that it holds up others for a short time only. */
const DELETED_AT_ONCE = 1_000;

/** To be called again and again as long as the server runs. */
export async function forgetOldSessions(
  context: Pick<MemoryContext, "clock" | "replayWindowMs"> & { sessions: Pick<SessionStore, "deleteOld"> },
): Promise<void> {
  const sinceMs = keptSinceMs(context);
  while ((await context.sessions.deleteOld(sinceMs, DELETED_AT_ONCE)) === DELETED_AT_ONCE);
}

export class SessionMemory {
  readonly #context: MemoryContext;
  readonly #session: SocketIoHandshake["session"];
  #keptAtMs: number | null = null;
  #isRenewing = false;

  constructor(context: MemoryContext, session: SocketIoHandshake["session"]) {
    this.#context = context;
    this.#session = session;
  }

  /** What it has joined at this shop; empty for a new session, and for one that is forgotten. */
  async recall(merchantId: string): Promise<readonly JoinedTopic[]> {
    if (!this.#session.isReturning) return [];
    const { sessions } = this.#context;
    const stored = await sessions.session(this.#session.id, keptSinceMs(this.#context));
    return stored?.merchantId === merchantId ? stored.joined : [];
  }

  /** Resolves when it is durable. A database that takes nothing costs the memory, not the service. */
  async keep(merchantId: string, joined: readonly JoinedTopic[]): Promise<void> {
    const { sessions, clock, limits, onError } = this.#context;
    const seenAtMs = clock.nowMs();
    this.#keptAtMs = seenAtMs;
    const session = { id: this.#session.id, merchantId, joined, seenAtMs };
    await sessions.keepSession(session, limits.rememberedSessions).catch(onError);
  }

  /** To be called at each beat. */
  renew(nowMs: number, merchantId: string, joined: readonly JoinedTopic[]): void {
    const afterMs = Math.max(this.#context.replayWindowMs, MIN_KEPT_MS) / RENEWALS_PER_WINDOW;
    if (this.#keptAtMs === null || this.#isRenewing || nowMs - this.#keptAtMs < afterMs) return;
    this.#isRenewing = true;
    void this.keep(merchantId, joined).finally(() => {
      this.#isRenewing = false;
    });
  }
}
