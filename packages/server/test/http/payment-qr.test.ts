/** The QR code of a payment: what a wallet reads from it is the payment's URI. */
import { create } from "qrcode";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, PAYMENT, TestServer } from "./harness.ts";

const external = { kind: "external", assets: [{ symbol: "GOLD", decimals: 2 }] };

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({}, { chains: { ledger: external } });
});
afterAll(() => server.stop());

const qrOf = (id: string, query = "", key: string | null = null) =>
  server.get(`/v1/payments/${id}/qr${query}`, { key });

/** The dark modules of the drawing: horizontal strokes of one unit, `M` and `m` move, `h` draws. */
function modulesOf(svg: string): { size: number; dark: Set<string> } {
  const size = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)?.[1]);
  const strokes = /stroke="#000000" d="([^"]+)"/.exec(svg)?.[1] ?? "";
  const dark = new Set<string>();
  let [x, y] = [0, 0];
  for (const [, command, first = "0", second = "0"] of strokes.matchAll(/([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?/g)) {
    if (command === "M") [x, y] = [Number(first), Math.floor(Number(second))];
    else if (command === "m") x += Number(first);
    else for (let end = x + Number(first); x < end; x += 1) dark.add(`${x},${y}`);
  }
  return { size, dark };
}

/** The modules of this text, by the library's own matrix, with the quiet zone around it. */
function expected(text: string): { size: number; dark: Set<string> } {
  const { modules } = create(text, { errorCorrectionLevel: "M" });
  const dark = new Set<string>();
  for (const [at, module] of modules.data.entries()) {
    if (module) dark.add(`${(at % modules.size) + 4},${Math.floor(at / modules.size) + 4}`);
  }
  return { size: modules.size + 8, dark };
}

describe("GET /v1/payments/{id}/qr", () => {
  it("draws the payment's URI, for whoever has the id", async () => {
    const { id, uri } = await server.payment();
    const answer = await qrOf(id);
    expect(answer.status).toBe(200);
    expect(uri).toMatch(/^sandbox:/);
    expect(modulesOf(answer.text)).toEqual(expected(uri));
    expect(modulesOf(answer.text)).not.toEqual(expected(`${uri}1`));
  });

  it("is an image that a browser takes for nothing else, keeps for a while, and shows on any page", async () => {
    const { id } = await server.payment();
    const { headers } = await server.get(`/v1/payments/${id}/qr`, {
      key: null,
      headers: { origin: "https://shop.example" },
    });
    expect(headers.get("content-type")).toBe("image/svg+xml; charset=utf-8");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toMatch(/default-src 'none'/);
    expect(headers.get("cache-control")).toBe("private, max-age=300");
    expect(headers.get("access-control-allow-origin")).toBe("*");
  });

  it("has the size that is asked for, within bounds", async () => {
    const { id } = await server.payment();
    expect((await qrOf(id)).text).toMatch(/^<svg width="256" height="256" /);
    for (const size of [64, 2_048]) {
      expect((await qrOf(id, `?size=${size}`)).text).toMatch(new RegExp(`^<svg width="${size}" height="${size}" `));
    }
    for (const size of ["63", "2049", "1e3", "", "big"]) {
      expect(codeOf(await qrOf(id, `?size=${size}`))).toBe("400 invalid_request");
    }
    expect(codeOf(await qrOf(id, "?colour=red"))).toBe("400 invalid_request");
  });

  it("is different for every payment, also for those asked for in one moment", async () => {
    const payments = await Promise.all([1, 2, 3].map((units) => server.payment({ amount: `${units}000000` })));
    const answers = await Promise.all(payments.map(({ id }) => qrOf(id)));
    expect(answers.map(({ text }) => modulesOf(text))).toEqual(payments.map(({ uri }) => expected(uri)));
  });

  it("is not there for a payment that is not, is erased, or is another merchant's", async () => {
    expect(codeOf(await qrOf("00000000-0000-4000-8000-000000000000"))).toBe("404 not_found");
    expect(codeOf(await qrOf("nonsense"))).toBe("404 not_found");
    const stranger = await server.merchant("stranger");
    const { id } = await server.payment();
    expect(codeOf(await qrOf(id, "", stranger.secret))).toBe("404 not_found");
    await server.post(`/v1/payments/${id}/cancel`, {});
    await server.call("DELETE", `/v1/payments/${id}`);
    expect(codeOf(await qrOf(id))).toBe("404 not_found");
  });

  it("says so where the payment has no URI", async () => {
    const fields = { ...PAYMENT, chain: "ledger", asset: "GOLD", address: "vault-7" };
    const { id, uri } = await server.payment(fields);
    expect(uri).toBeNull();
    const answer = await qrOf(id);
    expect(codeOf(answer)).toBe("404 not_found");
    expect(answer.json.error.message).toMatch(/no payment URI.*"ledger": show its address/);
  });
});
