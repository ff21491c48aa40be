import { createServer } from "node:net";
import { expect, test } from "vitest";
import { ZmqFeed } from "../../src/chains/bitcoin/zmq-feed.ts";
import { freePort } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

test("a feed that is stopped while it starts is never connected", async () => {
  const ports = [await freePort(), await freePort()] as const;
  const lines: number[] = [];
  const nodes = await Promise.all(
    ports.map(
      (port) =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const node = createServer((socket) => {
            lines.push(port);
            socket.destroy();
          });
          node.listen(port, "127.0.0.1", () => resolve(node));
        }),
    ),
  );
  const fail = (): never => {
    throw new Error("Nothing is to be told.");
  };
  const told = { onTransaction: fail, onBlock: fail, onMempoolAdded: fail, onMempoolRemoved: fail };
  const feeds = ports.map((port) => {
    const endpoint = `tcp://127.0.0.1:${port}`;
    return new ZmqFeed({ rawtx: endpoint, sequence: endpoint }, { ...told, onGap: fail, onTrouble: fail });
  });
  const [stopped, other] = feeds as [ZmqFeed, ZmqFeed];
  const starting = stopped.start();
  await stopped.stop();
  await starting;
  // Whoever connects after it is there before it is found missing.
  await other.start();
  await until("the other one", () => lines.includes(ports[1]));
  expect(lines).not.toContain(ports[0]);
  await Promise.all(feeds.map((feed) => feed.stop()));
  for (const node of nodes) node.close();
});
