/** Samples are cut from the document as it is; a patch that no longer fits is an error, never a silent pass. */
import { describe, expect, it } from "vitest";
import { applyChanges, cutSample, NodeSample, readSample } from "../../testkit/samples.ts";

const DOCUMENT = ["Usage", "", "run(1);", "run(1);", "", "Notes", "read them"].join("\n");

describe("cutSample", () => {
  it("takes what stands between two lines", () => {
    expect(cutSample(DOCUMENT, { after: "Usage", before: "Notes" })).toBe("run(1);\nrun(1);");
  });

  it("takes everything to the end of the document without a second line", () => {
    expect(cutSample(DOCUMENT, { after: "Notes" })).toBe("read them");
  });

  it("takes a block between fences, counted from 1", () => {
    const fenced = ["Node", "```js", "run(1);", "```", "```js", "run(2);", "run(3);", "```"].join("\n");
    expect([1, 2].map((block) => cutSample(fenced, { block }))).toEqual(["run(1);", "run(2);\nrun(3);"]);
    expect(() => cutSample(fenced, { block: 3 })).toThrow(/no block 3/);
    expect(() => cutSample(fenced, {})).toThrow(/or a block/);
  });

  it.each([{ after: "Absent" }, { after: "run(1);" }, { after: "Notes", before: "Usage" }])("refuses %o", (spec) => {
    expect(() => cutSample(DOCUMENT, spec)).toThrow(/document/);
  });
});

describe("applyChanges", () => {
  it("fills in the test's values", () => {
    const changes = [{ find: "1", replace: "{id}", times: 2, reason: "id" }];
    expect(applyChanges("run(1); run(1);", changes, { id: "7" })).toBe("run(7); run(7);");
  });

  it("refuses a change that applies more or less often than it says", () => {
    expect(() => applyChanges("run(1); run(1);", [{ find: "1", replace: "2", reason: "id" }], {})).toThrow(/2 times/);
    expect(() => applyChanges("run();", [{ find: "1", replace: "2", reason: "id" }], {})).toThrow(/0 times/);
  });

  it("refuses a value that the test does not give", () => {
    expect(() => applyChanges("run(1)", [{ find: "1", replace: "{id}", reason: "id" }], {})).toThrow(/\{id\}/);
  });
});

describe("the Blockonomics document", () => {
  it("yields its samples with only host and address changed", () => {
    const sample = readSample("blockonomics", "basic-usage", { wsUrl: "ws://127.0.0.1:1", address: "addr" });
    expect(sample).toBe(
      [
        'const address = "addr"; // Sample address',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the document's own code, as text
        "const ws = new WebSocket(`ws://127.0.0.1:1/payment/${address}`);",
        "",
        "ws.onmessage = (event) => {",
        "  const payment = JSON.parse(event.data);",
        '  console.log("Payment received:", payment);',
        "};",
      ].join("\n"),
    );
  });
});

it("takes what a document lacks from what we wrote beside it", () => {
  expect(readSample("tributary", "subscribe", { trackingId: "t-1" })).toBe(
    'socket.emit("subscribe", { trackingId: "t-1" });',
  );
});

it("runs a sample as a Node program that finds ws", async () => {
  const sample = new NodeSample('import WebSocket from "ws"; console.log(WebSocket.name); setInterval(() => {}, 1e3);');
  await expect.poll(() => sample.output, { timeout: 10_000 }).toBe("WebSocket\n");
  await sample.close();
});
