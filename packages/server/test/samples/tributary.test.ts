/**
 * The code of the Tributary document, with only host and tracking ids changed, against the server that `npm start` runs:
 * in Node, and in a real browser with the real React. What was changed, and what the document lacks:
 * `tributary/patches.json`. Fragments stand together as the document's page shows them, behind its own connection.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ORDER_AMOUNT } from "../../testkit/clients/order-desk.ts";
import { reactPage } from "../../testkit/react-page.ts";
import { prints, SampleStage } from "../../testkit/sample-stage.ts";
import { readSample } from "../../testkit/samples.ts";

/** The samples wait up to 5 seconds before they try again. */
const PATIENT = 120_000;
const IMPORT = 'import { io } from "socket.io-client";\n';
/** What the fragments leave to the page around them. */
const LISTENERS = `
  socket.on("ack", ({ data }) => console.log("ack", data));
  socket.on("payment", ({ data }) => console.log("paid", data.trackingId, data.amount, data.status, data.signature));
`;

let stage: SampleStage;
let trackingId: string;

beforeAll(async () => {
  stage = await SampleStage.open();
});
beforeEach(() => {
  trackingId = `sub-${randomUUID()}`;
});
afterEach(() => stage.clear());
afterAll(() => stage?.close());

function sample(name: string, values: Record<string, string> = {}): string {
  return readSample("tributary", name, { url: stage.server.url, trackingId, ...values });
}

/** A payment that is followed by its tracking id. */
const order = (reference = trackingId) => stage.desk.take({ reference });
const paidLine = (reference: string, signature: string) => `paid ${reference} ${ORDER_AMOUNT} executed ${signature}`;

describe("in Node", () => {
  it("the basic connection connects, and the sections' two events work on it as the document says", async () => {
    const { id } = await order();
    const program = stage.run(`${sample("basic")}\n${LISTENERS}\n${sample("subscribe")}`);
    await program.prints("Connected to WebSocket");
    await program.prints(`ack Subscribed to trackingId: ${trackingId}`);
    await program.prints(paidLine(trackingId, await stage.desk.settle({ id })));

    const leaving = stage.run(`${sample("basic")}\n${LISTENERS}\n${sample("subscribe")}\n${sample("unsubscribe")}`);
    await leaving.prints(`ack Unsubscribed from trackingId: ${trackingId}`);
  });

  it("the complete example, in TypeScript, prints the payment, unsubscribes and disconnects", async () => {
    const { id } = await order();
    const done = `
      socket.on("payment", () => unsubscribe("${trackingId}"));
      socket.on("ack", ({ data }) => data.startsWith("Unsubscribed") && disconnect());
    `;
    const program = stage.run(`${sample("complete")}\n${done}`, "module-typescript");
    await program.prints(`Ack: Subscribed to trackingId: ${trackingId}`);
    const signature = await stage.desk.settle({ id });
    await program.prints("Disconnected from Tributary WebSocket");

    const [, received = ""] = program.output.split(/Payment received: /);
    expect(program.output).toContain("Connected to Tributary WebSocket");
    expect(received).toContain(`status: 'executed'`);
    expect(received).toContain(
      `Payment of ${ORDER_AMOUNT} for ${trackingId}\nStatus: executed\nTransaction: ${signature}`,
    );
    expect(received).toMatch(/Time: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z\n/);
    expect(received).toContain(`Ack: Unsubscribed from trackingId: ${trackingId}`);
    expect(program.output).not.toContain("Error:");
  });

  it("the complete example is told its error for what is no tracking id", async () => {
    const program = stage.run(`${sample("complete")}\nsocket.emit("subscribe", {});`, "module-typescript");
    await program.prints("Error: {");
    expect(program.output).toMatch(
      /code: 'INVALID_TRACKING_ID',\s*message: 'Tracking ID is required and must be a string'/,
    );
  });

  it(
    "with the document's reconnection options it comes back after a crash, and is told what it missed",
    async () => {
      const { id } = await order();
      const gate = await stage.gate();
      const parts = ["reconnection", "connection-state", "subscribe"].map((name) => sample(name, { url: gate.url }));
      const program = stage.run(`${IMPORT}${parts.join("\n")}\n${LISTENERS}`);
      await program.prints("Connected: true");
      await program.prints("ack Subscribed");
      const { txId } = await stage.api.pay(id);
      gate.hold();
      await stage.server.kill9();
      await program.prints("Disconnected: transport");
      await stage.server.restart();
      gate.open();
      await stage.api.mine(2);
      await program.prints("Connected: true", 2);
      await program.prints(paidLine(trackingId, txId));
      // It did not subscribe again itself: the document's code does it once.
      await program.prints("ack Subscribed", 2);
      expect(program.count("paid")).toBe(1);
    },
    PATIENT,
  );

  it("several subscriptions on one connection are each told of their own", async () => {
    const names = ["first", "second", "third"].map((name) => [name, `${name}-${randomUUID()}`] as const);
    const program = stage.run(
      `${sample("basic")}\n${LISTENERS}\n${sample("multiple-subscriptions", Object.fromEntries(names))}`,
    );
    for (const [, each] of names) await program.prints(`ack Subscribed to trackingId: ${each}`);
    for (const [, each] of names) {
      const signature = await stage.desk.settle(await order(each));
      await program.prints(paidLine(each, signature));
    }
    expect(program.count("paid ")).toBe(3);
  });

  it(
    "the error handler reports a server that is down, and the client finds it when it is back",
    async () => {
      const { id } = await order();
      await stage.server.kill9();
      const program = stage.run(
        `${sample("basic")}\n${sample("error-handling")}\n${LISTENERS}\n${sample("subscribe")}`,
      );
      await program.prints("Connection error: ");
      await stage.server.restart();
      await program.prints("Connected to WebSocket");
      await program.prints(paidLine(trackingId, await stage.desk.settle({ id })));
    },
    PATIENT,
  );
});

describe("in a browser", () => {
  it("the React component counts and lists the payments", async () => {
    const { id } = await order();
    const code = sample("react");
    const page = await stage.show(await reactPage({ code, exported: "PaymentNotifier", props: { trackingId } }));
    await page.page.getByText("Payments: 0").waitFor();
    await prints(page, `Ack: Subscribed to trackingId: ${trackingId}`);
    await stage.desk.settle({ id });
    await page.page.getByText("Payments: 1").waitFor();
    await page.page.getByText(`${ORDER_AMOUNT} at`).waitFor();
    await stage.desk.settle(await order());
    await page.page.getByText("Payments: 2").waitFor();

    await page.page.evaluate("leave()");
    await page.until(({ sent }) => sent.some((text) => text.includes('"unsubscribe"')));
    expect(page.printed.filter((line) => line.startsWith("Error:"))).toEqual([]);
    expect(page.errors).toEqual([]);
  });

  it("the cleanup unsubscribes and disconnects when the component goes, over whatever transport it came", async () => {
    const { id } = await order();
    const code = `
      import { useEffect } from "react";
      import { io } from "socket.io-client";
      function setupListeners(socket) {
        ${LISTENERS}
        socket.on("disconnect", (reason) => console.log("left:", reason));
        socket.emit("subscribe", { trackingId: "${trackingId}" });
      }
      export default function Page({ trackingId }) {
        ${sample("cleanup")}
        return null;
      }
    `;
    const page = await stage.show(await reactPage({ code, props: { trackingId } }));
    await prints(page, `ack Subscribed to trackingId: ${trackingId}`);
    const signature = await stage.desk.settle({ id });
    await prints(page, paidLine(trackingId, signature));
    await page.page.evaluate("leave()");
    await prints(page, "left: io client disconnect");

    const witness = stage.run(`${sample("basic")}\n${LISTENERS}\n${sample("subscribe")}`);
    await witness.prints(paidLine(trackingId, signature));
    await witness.prints(paidLine(trackingId, await stage.desk.settle(await order())));
    expect(page.printed.filter((line) => line.startsWith("paid"))).toHaveLength(1);
    expect(page.errors).toEqual([]);
  });
});
