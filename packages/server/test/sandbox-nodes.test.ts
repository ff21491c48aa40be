/** The sandbox on two nodes: whichever of them is asked for a step of the simulated chain, the answer comes after its effects. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { usePostgres } from "../testkit/postgres.ts";
import { ServerProcess } from "../testkit/server-process.ts";
import { until } from "../testkit/until.ts";

const server = usePostgres();
let nodes: ServerProcess[];
let a: ServerProcess;
let b: ServerProcess;

beforeAll(async () => {
  const url = await server().createDatabase();
  // At the same moment, on an empty database.
  nodes = await Promise.all([1, 2].map(() => ServerProcess.start({ env: { PAYBELL_DATABASE_URL: url } })));
  [a, b] = nodes as [ServerProcess, ServerProcess];
}, 120_000);

afterAll(async () => {
  for (const node of nodes) await node.dispose();
});

interface Shown {
  id: string;
  status: string;
  received: string;
  flags: string[];
  transfers: { txId: string; status: string; confirmations: number }[];
}

async function call<T>(node: ServerProcess, path: string, body?: object): Promise<T> {
  const response = await fetch(node.url + path, {
    method: body ? "POST" : "GET",
    headers: { authorization: "Bearer sk_sandbox_paybell", "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const json = await response.json();
  expect([response.status, json]).toEqual([expect.toBeOneOf([200, 201]), json]);
  return json as T;
}

const create = (node: ServerProcess) =>
  call<Shown>(node, "/v1/payments", { amount: "1500000", asset: "SBX", chain: "sandbox" });
const pay = (node: ServerProcess, paymentId: string) => call<{ txId: string }>(node, "/v1/sandbox/pay", { paymentId });
const mine = (node: ServerProcess, blocks: number) => call<{ height: number }>(node, "/v1/sandbox/mine", { blocks });

/** The same on both nodes. */
async function read(id: string): Promise<Shown> {
  const [one, other] = await Promise.all(nodes.map((node) => call<Shown>(node, `/v1/payments/${id}`)));
  expect(one).toEqual(other);
  return one as Shown;
}

async function leader(): Promise<ServerProcess> {
  for (const node of nodes) {
    const { chains } = await call<{ chains: { role: string }[] }>(node, "/readyz");
    if (chains.some(({ role }) => role === "leader")) return node;
  }
  throw new Error("Nobody watches the simulated chain.");
}

test("a payment made on one is paid on the other, mined on the first, reorganised and spent twice, and both say the same", async () => {
  const { id } = await create(a);
  const { txId } = await pay(b, id);
  expect(await read(id)).toMatchObject({ status: "confirming", transfers: [{ txId, status: "seen" }] });
  await mine(a, 2);
  expect(await read(id)).toMatchObject({ status: "paid", transfers: [{ confirmations: 2 }] });
  await call(b, "/v1/sandbox/reorg", { depth: 2 });
  expect((await read(id)).flags).toContain("reorged");
  expect((await read(id)).status).not.toBe("paid");
  await call(a, "/v1/sandbox/double-spend", { txId });
  const lost = await read(id);
  expect(lost).toMatchObject({ status: "reversed", received: "0", transfers: [{ status: "replaced" }] });
  expect(lost.flags).toContain("double_spend");
  await pay(a, id);
  await mine(b, 6);
  expect((await read(id)).status).toBe("final");
}, 120_000);

test("one block after the other is seen, also those that another node mines", async () => {
  const { id } = await create(b);
  await pay(a, id);
  await mine(b, 3);
  await mine(a, 3);
  const { events } = await call<{ events: { data: { payment: { confirmations: number } } }[] }>(
    a,
    `/v1/events?paymentId=${id}`,
  );
  const confirmations = events.map(({ data }) => data.payment.confirmations);
  // Each step of the payment is told at its own block; had two blocks been seen as one, one of these would be missing.
  expect([...new Set(confirmations)]).toEqual([0, 1, 2, 6]);
}, 120_000);

test("many payments, paid and mined on both at once, are each paid once", async () => {
  const made = await Promise.all(Array.from({ length: 30 }, (_, nth) => create(nodes[nth % 2] as ServerProcess)));
  const steps = made.flatMap(({ id }, nth) => [
    pay(nodes[(nth + 1) % 2] as ServerProcess, id),
    ...(nth % 5 === 0 ? [mine(nodes[nth % 2] as ServerProcess, 1)] : []),
  ]);
  await Promise.all(steps);
  await mine(a, 6);
  for (const { id } of made) expect(await read(id)).toMatchObject({ status: "final", received: "1500000" });
}, 120_000);

test("what is settled on both nodes at once is paid once", async () => {
  for (let round = 0; round < 5; round += 1) {
    const { id } = await create(nodes[round % 2] as ServerProcess);
    const settled = await Promise.all(
      [a, b, a, b].map((node) => call<{ status: string }>(node, "/api/test/settle", { transactionId: id })),
    );
    expect(settled.map(({ status }) => status)).toEqual(["settled", "settled", "settled", "settled"]);
    const { received, transfers } = await read(id);
    expect([received, transfers.length]).toEqual(["1500000", 1]);
  }
}, 120_000);

test("a call is answered though the node that watches is killed meanwhile", async () => {
  const watching = await leader();
  const other = nodes.find((node) => node !== watching) as ServerProcess;
  const { id } = await create(other);
  await watching.kill9();
  const { txId } = await pay(other, id);
  const paid = await call<Shown>(other, `/v1/payments/${id}`);
  expect(paid).toMatchObject({ status: "confirming", transfers: [{ txId, status: "seen" }] });
  await watching.restart();
  await mine(watching, 2);
  await until("both are back", async () => (await read(id)).status === "paid");
}, 120_000);
