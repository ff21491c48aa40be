/**
 * A step of an order as an event on a channel: made once for all who hear it in the same form. What is read and signed
 * for it is shared too: the promise is kept with the record.
 */
import { SignJWT } from "jose";
import type { Published } from "../../fanout/published.ts";
import type { ChannelEvent } from "../../transports/pusher/channels.ts";
import type { TransakContext } from "./context.ts";
import { type Order, orderOf, publicOrderOf } from "./order.ts";
import type { OrderStep } from "./orders.ts";
import { signingToken } from "./tokens.ts";

/** `public`: what anyone may know. `full`: every field. `jwt`: every field, signed with the merchant's access token. */
export type Form = "public" | "full" | "jwt";

/** What a JWT means by these names, an order does not. */
const CLAIMS: ReadonlySet<string> = new Set(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]);

/** `null`: the record tells this protocol's clients nothing.
 * @param replayed told again to who may have heard it: marked, and otherwise the same */
export function eventFor(
  context: TransakContext,
  published: Published,
  form: Form,
  replayed: boolean,
): Promise<ChannelEvent | null> {
  return published.encodeOnce(`transak/${form}/${replayed ? "replayed" : "live"}`, async () => {
    const step = await published.encodeOnce("transak", (record) => context.orders.stepAt(record));
    if (!step) return null;
    const told = toldOf(step, form, replayed);
    if (form !== "jwt") return { name: step.event, data: JSON.stringify(told) };
    return { name: step.event, data: await sign(context, published.record.merchantId, told, step.atMs) };
  });
}

function toldOf({ facts, eventId }: OrderStep, form: Form, replayed: boolean): Order {
  const order = form === "public" ? publicOrderOf(facts) : orderOf(facts);
  return { ...order, eventId, ...(replayed ? { replayed: true } : {}) };
}

async function sign(context: TransakContext, merchantId: string, order: Order, atMs: number): Promise<string> {
  const token = await signingToken(context, merchantId);
  // Nobody is let in before there is one, and the last one is never taken away.
  if (token === null) throw new Error(`The merchant ${merchantId} has no access token to sign with.`);
  const claims = Object.fromEntries(Object.entries(order).filter(([name]) => !CLAIMS.has(name)));
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt(Math.floor(atMs / 1_000))
    .sign(Buffer.from(token));
}
