/** Simulated and real payments must not meet: on the command line, at the start, in one directory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { SANDBOX_SECRET_KEY } from "../../src/http/keys.ts";
import { ServerProcess } from "../../testkit/server-process.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "paybell-modes-"));
});
afterEach(() => rm(dataDir, { recursive: true }));

async function paybell(mode: "sandbox" | "live", ...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
    environment: { PAYBELL_MODE: mode, PAYBELL_DATA_DIR: dataDir },
    cwd: dataDir,
    colours: false,
  };
  const code = await runProgram(args, io, "0");
  return { code, out: out.join(""), err: err.join("") };
}

const start = (mode: "sandbox" | "live") =>
  ServerProcess.start({ dataDir, env: { PAYBELL_MODE: mode }, readyTimeoutMs: 60_000 });

describe("a directory of one mode", () => {
  it.each([
    ["sandbox", "live"],
    ["live", "sandbox"],
  ] as const)("of %s starts no %s server, in words and with what to do", async (first, second) => {
    expect((await paybell(first, "migrate")).code).toBe(0);
    const refused = start(second);
    await expect(refused).rejects.toThrow(
      new RegExp(`exit code 1[\\s\\S]*${first} mode[\\s\\S]*PAYBELL_MODE=${first}`),
    );
    await expect(refused).rejects.not.toThrow(/\n {4}at /);
  });

  it("takes no merchants and keys of the other", async () => {
    expect((await paybell("live", "merchants", "create", "Shop")).code).toBe(0);
    for (const args of [
      ["merchants", "create", "Other"],
      ["merchants", "list"],
      ["keys", "create", "shop"],
      ["keys", "list", "shop"],
      ["migrate"],
    ]) {
      const { code, out, err } = await paybell("sandbox", ...args);
      expect([code, out]).toEqual([1, ""]);
      expect(err).toMatch(/live mode[\s\S]+PAYBELL_MODE=live/);
    }
  });

  it("of live has no keys but those that were made for it", async () => {
    await paybell("live", "merchants", "create", "Shop");
    expect((await paybell("live", "keys", "create", "shop")).out).toMatch(/^sk_live_[0-9A-Za-z]{36}\n$/);
    const server = await start("live");
    const answer = await fetch(`${server.url}/v1/payments`, {
      headers: { authorization: `Bearer ${SANDBOX_SECRET_KEY}` },
    });
    expect(answer.status).toBe(401);
    expect((await paybell("live", "merchants", "list")).out).not.toContain("sandbox");
    await server.dispose();
  });
});

describe("a directory on which a server runs", () => {
  it("starts no second one, of whatever mode, and the first goes on; killed, it leaves no lock", async () => {
    const first = await start("sandbox");
    for (const mode of ["sandbox", "live"] as const) {
      await expect(start(mode)).rejects.toThrow(/exit code 1[\s\S]*(Another Paybell server|sandbox mode)/);
    }
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    await first.kill9();
    const next = await start("sandbox");
    await next.dispose();
  });
});
