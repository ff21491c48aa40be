/**
 * A client that polls must stay with the process that opened its session. So that a load balancer can see to it without
 * cookies, which browsers do not send to other origins, the answer that opens a session names it in a header; later
 * requests have the same name in their query, as `sid`. See deploy/haproxy.cfg.
 */
import type { IncomingMessage } from "node:http";
import type { Server as EngineServer } from "engine.io";

const SESSION_HEADER = "Paybell-Session";

export function nameSessions(engine: EngineServer): void {
  const opening = new WeakMap<IncomingMessage, string>();
  const generateId = engine.generateId.bind(engine);
  engine.generateId = async (request: IncomingMessage) => {
    const sid = await generateId(request);
    opening.set(request, sid);
    return sid;
  };
  engine.on("initial_headers", (headers: Record<string, string>, request: IncomingMessage) => {
    const sid = opening.get(request);
    if (sid !== undefined) headers[SESSION_HEADER] = sid;
  });
}
