/** Blockonomics' clients name an address, and an address does not tell payments apart that share it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { addressFromSeed } from "../../src/chains/sandbox/address.ts";
import { sandboxFacts } from "../../src/chains/sandbox/facts.ts";
import { topics } from "../../src/log/topic.ts";
import { viewTransfer } from "../../src/payments/transfer.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer } from "../../testkit/storing/samples.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;
beforeAll(async () => {
  server = await ProtocolServer.start();
});
afterAll(() => server.stop());

const ADDRESS = addressFromSeed("shared by payers");
const RECIPIENT = sandboxFacts.recipientOf(ADDRESS);

/** Waits for a payer beside the address; made and paid, as ingest would record it. */
async function payKeyed(): Promise<void> {
  const match = { payer: "p" };
  const keyed = samplePayment({ merchantId: MERCHANT, address: ADDRESS, recipient: `${RECIPIENT}?payer=p`, match });
  const told = { topics: [topics.address(MERCHANT, "sandbox", ADDRESS)] };
  const transfer = sampleTransfer(keyed, { recipient: RECIPIENT });
  const news = change(keyed, {}, { ...told, transfers: [transfer] });
  for (const event of news.events) event.data.transfers = [viewTransfer(transfer)];
  recordsIn(await server.core.log.append([{ ...creation(keyed, told), sharedRecipient: RECIPIENT }, news]));
}

it("serves the payment that waits for the address alone, and none that waits for more", async () => {
  const payment = await server.create({ address: ADDRESS });
  const client = await server.transports.open(`/payment/${ADDRESS}`);
  await until("it to listen", () => server.hub.topicCount > 0);
  await payKeyed();
  const txid = await server.pay(payment);
  await until("it to hear something", () => client.messages.length > 0);
  expect(client.messages.map((message) => `${message.status} ${message.txid}`)).toEqual([`0 ${txid}`]);
});
