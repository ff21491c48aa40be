/** A network that fails does to both ends what real ones do. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { NetworkLink } from "../../testkit/cluster/network-link.ts";
import { until } from "../../testkit/until.ts";

let server: Server;
let link: NetworkLink;
/** What the server has heard, on all lines. */
let heard: string;
const lines: Socket[] = [];
const clients: Socket[] = [];

beforeEach(async () => {
  heard = "";
  server = createServer((line) => {
    lines.push(line);
    line.on("error", () => undefined);
    line.on("data", (bytes) => {
      heard += bytes;
      line.write(`you said ${bytes}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  link = await NetworkLink.to((server.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const socket of [...lines.splice(0), ...clients.splice(0)]) socket.destroy();
  await link.close();
  await new Promise((resolve) => server.close(resolve));
});

/** A client that notes what it is told. */
async function open(): Promise<{ socket: Socket; told: () => string }> {
  const socket = connect(link.port, "127.0.0.1");
  clients.push(socket);
  socket.on("error", () => undefined);
  let told = "";
  socket.on("data", (bytes) => {
    told += bytes;
  });
  await once(socket, "connect");
  return { socket, told: () => told };
}

it("passes what is said, and the end", async () => {
  const { socket, told } = await open();
  socket.write("hello");
  await until("the answer", () => told() === "you said hello");
  socket.end();
  await until("the server to hear of the end", () => lines[0]?.destroyed);
});

it("silent: nothing arrives, no end either; all of it when it is up again", async () => {
  const { socket, told } = await open();
  socket.write("before");
  await until("the answer", () => told() === "you said before");
  link.become("silent");
  socket.write(" late");
  socket.end();
  const other = await open();
  other.socket.write(" new");
  // Whatever would pass had passed by the time that a line past the link is answered.
  await pastTheLink();
  expect([heard, other.told(), lines[0]?.destroyed]).toEqual(["before", "", false]);
  link.become("up");
  await until("what was held", () => heard.includes("late") && other.told() === "you said  new");
  await until("the end", () => lines[0]?.destroyed);
});

it("unanswered: what is asked is heard, and the answer comes when it is up again", async () => {
  const { socket, told } = await open();
  link.become("unanswered");
  socket.write("do it");
  await until("it was heard", () => heard === "do it");
  await pastTheLink();
  expect(told()).toBe("");
  link.become("up");
  await until("the answer", () => told() === "you said do it");
});

it("refused: lines are reset, new ones too", async () => {
  const { socket } = await open();
  await until("the line", () => lines.length === 1);
  link.become("refused");
  await until("both ends to hear of it", () => socket.destroyed && lines[0]?.destroyed);
  const late = connect(link.port, "127.0.0.1");
  clients.push(late);
  const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
  link.become("up");
  const back = await open();
  back.socket.write("again");
  await until("the answer", () => back.told() === "you said again");
});

async function pastTheLink(): Promise<void> {
  const direct = connect((server.address() as AddressInfo).port, "127.0.0.1");
  clients.push(direct);
  await once(direct, "connect");
  const before = heard;
  direct.write("!");
  await once(direct, "data");
  heard = before + heard.slice(before.length).replace("!", "");
}
