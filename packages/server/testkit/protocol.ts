/**
 * What every protocol must hold, whatever its messages look like. A protocol brings a client of its own and says which
 * messages the log of a payment makes; the suite compares what clients heard with that, while hints are lost, clients
 * come in the middle, and others send rubbish.
 */
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CreateRequest } from "../src/ingest/ingest.ts";
import type { LogRecord } from "../src/log/event-log.ts";
import { topics } from "../src/log/topic.ts";
import type { Payment } from "../src/payments/payment.ts";
import type { Fate } from "./lossy-bus.ts";
import { ProtocolServer } from "./protocol-server.ts";
import { until } from "./until.ts";

/** A client that follows one payment by this protocol, and notes what it hears. */
export interface FollowingClient {
  /** Each message as text; messages that tell the same are equal. A snapshot is none of them. */
  readonly heard: readonly string[];
  /** How many messages the snapshot stood for that it got; `null` where it got none. */
  readonly contained: number | null;
  /** Where it stands; `null` in a protocol without cursors. */
  readonly cursor: string | null;
  close(): Promise<void>;
}

export interface ProtocolHarness {
  /** What a payment needs so that this protocol's clients can follow it: asked for each payment. */
  request?(): Partial<CreateRequest>;
  /** Resolves when the client has joined: what happens from now on must reach it. */
  connect(server: ProtocolServer, payment: Payment, cursor: string | null): Promise<FollowingClient>;
  /** The messages that a client hears who is there from the creation of the payment on. */
  expected(records: readonly LogRecord[], server: ProtocolServer): readonly string[];
  hasCursor: boolean;
  /** Does a client without a cursor hear the payment's past, message by message? */
  tellsPast: boolean;
  /** Each does something that no good client does, and resolves when it was noticed. */
  malformed: Readonly<Record<string, (server: ProtocolServer, payment: Payment) => Promise<void>>>;
}

type Step = "pay" | "mine" | "reorg" | "turn" | "join" | "cut";
const FATES: readonly Fate[] = ["deliver", "deliver", "lose", "repeat", "late"];

export function testProtocol(name: string, harness: ProtocolHarness): void {
  describe(`${name} holds what every protocol must`, () => {
    let server: ProtocolServer;

    beforeAll(async () => {
      server = await ProtocolServer.start({ limits: { replayPage: 3, liveBuffer: 4 } });
    });
    afterAll(() => server.stop());

    const whole = async (payment: Payment) =>
      harness.expected(await server.records(topics.payment(payment.id)), server);

    const create = () => server.create(harness.request?.());

    const live = async (payment: Payment) => {
      await server.pay(payment);
      await server.controls.mine(1);
      await server.controls.mine(1);
      await server.controls.reorg(2);
      await server.controls.mine(2);
    };

    /** Everything, but for what its snapshot stood for. */
    async function hearsRest(client: FollowingClient, payment: Payment): Promise<void> {
      const expected = await whole(payment);
      const contained = client.contained ?? 0;
      await until(
        () => `${JSON.stringify(expected)} behind ${contained} in ${JSON.stringify(client.heard)}`,
        () => contained + client.heard.length >= expected.length,
      );
      expect(client.heard).toEqual(expected.slice(contained));
    }

    /** Of a client that came in the middle: everything from some moment on, to the end. */
    async function hearsEnd(client: FollowingClient, payment: Payment): Promise<void> {
      if (client.contained !== null || harness.tellsPast) return hearsRest(client, payment);
      const expected = await whole(payment);
      await until(
        () => `the last of ${JSON.stringify(expected)} in ${JSON.stringify(client.heard)}`,
        () => client.heard.at(-1) === expected.at(-1) && client.heard.length > 0,
      );
      expect(client.heard).toEqual(expected.slice(expected.length - client.heard.length));
    }

    it("a client that is there all the time hears every step once, in order", async () => {
      const payment = await create();
      const client = await harness.connect(server, payment, null);
      await live(payment);
      await hearsRest(client, payment);
      await client.close();
    });

    it("clients that come in the middle hear the rest once, in order, whatever the bus loses", async () => {
      const steps = fc.array(fc.constantFrom<Step>("pay", "mine", "mine", "reorg", "turn", "join", "join"), {
        minLength: 5,
        maxLength: 16,
      });
      await fc.assert(
        fc.asyncProperty(steps, fc.array(fc.constantFrom(...FATES), { maxLength: 20 }), async (plan, fates) => {
          await comeInTheMiddle(["pay", ...plan, "join"], fates);
        }),
        { numRuns: 12 },
      );
    });

    async function comeInTheMiddle(plan: readonly Step[], fates: readonly Fate[]): Promise<void> {
      const payment = await create();
      server.bus.fates = [...fates];
      const joining: Promise<FollowingClient>[] = [];
      let paid = false;
      for (const step of plan) {
        if (step === "pay" && !paid) {
          paid = true;
          await server.pay(payment);
        } else if (step === "mine") await server.controls.mine(1);
        else if (step === "reorg") await server.controls.reorg(2);
        else if (step === "turn") await turn();
        // Not waited for: what follows happens while it joins.
        else if (step === "join") joining.push(harness.connect(server, payment, null));
      }
      const head = await server.core.log.head();
      await until("the hub to have everything", () => server.hub.offset >= head);
      for (const client of await Promise.all(joining)) {
        await hearsEnd(client, payment);
        await client.close();
      }
    }

    async function cutAgainAndAgain(): Promise<void> {
      const payment = await create();
      const heard: string[] = [];
      let client = await harness.connect(server, payment, null);
      const contained = client.contained ?? 0;
      const comeBack = async () => {
        await client.close();
        heard.push(...client.heard);
        client = await harness.connect(server, payment, client.cursor);
      };
      await server.pay(payment);
      for (let block = 0; block < 4; block += 1) {
        await comeBack();
        await server.controls.mine(1);
        await turn();
      }
      await comeBack();
      const expected = await whole(payment);
      await until("the rest", () => contained + heard.length + client.heard.length >= expected.length);
      expect([...heard, ...client.heard]).toEqual(expected.slice(contained));
      await client.close();
    }
    if (harness.hasCursor) it("a client that is cut off again and again hears each step once", cutAgainAndAgain);

    it.each(Object.keys(harness.malformed))("%s hurts nobody else", async (mistake) => {
      const payment = await create();
      const good = await harness.connect(server, payment, null);
      await harness.malformed[mistake]?.(server, payment);
      await server.pay(payment);
      await server.controls.mine(1);
      await hearsRest(good, payment);
      await good.close();
      const next = await harness.connect(server, payment, null);
      await hearsEnd(next, payment);
      await next.close();
      expect(server.errors).toEqual([]);
    });

    it("nothing is left behind by clients that have gone", async () => {
      await until("all topics to be free", () => server.hub.topicCount === 0);
      await until("all places to be free", () => server.transports.connections.total === 0);
    });
  });
}
