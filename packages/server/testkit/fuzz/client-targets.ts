/** The parsers behind Crypto Shop's, Tributary's and Transak's wires. */
import assert from "node:assert/strict";
import { PaybellError } from "../../src/kit/errors.ts";
import { joinedUserId } from "../../src/protocols/crypto-shop/join-request.ts";
import { markText, readMark } from "../../src/protocols/crypto-shop/mark.ts";
import { presentedToken } from "../../src/protocols/crypto-shop/presented-token.ts";
import { UserTokens } from "../../src/protocols/crypto-shop/user-token.ts";
import { targetOf } from "../../src/protocols/transak/channel.ts";
import { parseResumeToken, resumeToken } from "../../src/protocols/tributary/resume-token.ts";
import { trackingIdFrom, trackingIdIn } from "../../src/protocols/tributary/tracking-id.ts";
import { PusherApps } from "../../src/transports/pusher/apps.ts";
import { isPresence, parseChannelName } from "../../src/transports/pusher/channel-name.ts";
import { messagesIn } from "../../src/transports/pusher/fallback-body.ts";
import { parseMessage } from "../../src/transports/pusher/messages.ts";
import { signatureProblem } from "../../src/transports/pusher/request-signature.ts";
import { sessionOf } from "../../src/transports/socketio/session.ts";
import * as samples from "./client-samples.ts";
import { type Target, text } from "./target.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const log = { epoch: samples.EPOCH, head: async () => 1_000 };
const apps = new PusherApps([samples.APP]);
const settings = {
  sessionSecret: samples.SESSION_SECRET,
  sessionJwks: samples.SESSION_JWKS,
  sessionIssuer: null,
  sessionAudience: null,
};
const tokens = new UserTokens({
  merchants: { settings: async () => settings } as never,
  clock: { nowMs: () => NOW_MS } as never,
  // What is no fault of the token's is a finding.
  onError: (error) => {
    throw error;
  },
});

export const CLIENT_TARGETS: readonly Target[] = [
  text("socketio-session", /socketio\/session/, samples.AUTHS, [SyntaxError], (input) => {
    const auth: unknown = JSON.parse(input);
    const { id, isReturning, offset } = sessionOf((auth ?? {}) as Record<string, unknown>);
    assert.match(id, /^[A-Za-z0-9_-]{20}$/);
    assert(isReturning || offset === null);
  }),
  text("crypto-shop-join", /crypto-shop\/join-request/, samples.JOINS, [PaybellError, SyntaxError], (input) => {
    const args: unknown = JSON.parse(input);
    const userId = joinedUserId(Array.isArray(args) ? args : [args]);
    assert(userId !== "" && userId.isWellFormed());
  }),
  text("crypto-shop-mark", /crypto-shop\/mark/, samples.MARKS, [], async (input) => {
    const mark = await readMark(log, input);
    if (mark) assert.equal(markText(log, mark), input);
  }),
  text("crypto-shop-cookie", /crypto-shop\/presented-token/, samples.COOKIES, [], (input) => {
    assert.notEqual(presentedToken(input), "");
  }),
  text("crypto-shop-token", /crypto-shop\/(user-token|jwks)/, samples.TOKENS, [PaybellError], async (input) => {
    const { userId, untilMs } = await tokens.verify("sandbox", input);
    assert.deepEqual([userId, untilMs], [samples.TOKEN_USER, samples.TOKEN_UNTIL_MS]);
  }),
  text("tributary-id", /tributary\/tracking-id/, samples.SUBSCRIBES, [SyntaxError], (input) => {
    const found = trackingIdIn(JSON.parse(input));
    if (found) assert(Buffer.byteLength(found.sent) <= 64 && trackingIdFrom(found.trackingId) === found.trackingId);
  }),
  text("tributary-resume", /tributary\/resume-token/, samples.RESUME_TOKENS, [], (input) => {
    const point = parseResumeToken(input);
    if (!point) return;
    const again = parseResumeToken(resumeToken(point));
    assert(again && again.at === point.at && point.trackingIds.join().endsWith(again.trackingIds.join()));
  }),
  text("pusher-message", /pusher\/messages/, samples.MESSAGES, [], (input) => {
    const message = parseMessage(input);
    if (message) assert.deepEqual([typeof message.event, typeof message.data], ["string", "object"]);
  }),
  text("pusher-body", /pusher\/fallback-body/, samples.BODIES, [], (input) => {
    assert(messagesIn(input)?.every((message) => typeof message === "string") ?? true);
  }),
  text("pusher-channel", /pusher\/channel-name|transak\/channel/, samples.CHANNELS, [], (input) => {
    const channel = parseChannelName(input, 200);
    if (!channel || isPresence(input)) return;
    assert(channel.base !== "" && channel.full.endsWith(channel.base) && channel.full === input);
    const target = targetOf(channel.base);
    if (target?.kind === "reference") assert.equal(`${target.key}_${target.reference}`, channel.base);
  }),
  text("pusher-signature", /pusher\/(request-signature|signatures)/, samples.SIGNED, [], (input) => {
    const [method = "", url = "", body = ""] = input.split(" ");
    const problem = signatureProblem(apps.withId(samples.APP.id), { method, url, body }, NOW_MS);
    // Whoever does not know the secret has only signatures that were made before.
    const known = samples.SIGNED.flatMap((signed) => samples.signaturesIn(signed.split(" ")[1] ?? ""));
    if (problem === null) assert(samples.signaturesIn(url).some((signature) => known.includes(signature)));
  }),
];
