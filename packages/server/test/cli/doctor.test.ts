/** `paybell doctor` on a machine, a data directory, a port, certificates and merchants that are really broken. */

import { readdirSync } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clockFinding } from "../../src/cli/doctor/clock.ts";
import { render } from "../../src/cli/doctor/finding.ts";
import { descriptorsFinding, nodeFinding } from "../../src/cli/doctor/machine.ts";
import { withProgress } from "../../src/cli/doctor/progress.ts";
import { tlsFinding } from "../../src/cli/doctor/tls.ts";
import { defaultLimits } from "../../src/kit/limits.ts";
import { Api } from "../../testkit/clients/api.ts";
import { type Diagnosis, Patient } from "../../testkit/patient.ts";
import { selfSigned } from "../../testkit/self-signed.ts";
import { ServerProcess } from "../../testkit/server-process.ts";

let patient: Patient;
beforeEach(async () => {
  patient = await Patient.admit();
});
afterEach(() => patient.discharge());

const of = ({ findings }: Diagnosis, what: string) => findings.filter((finding) => finding.what === what);
const live = { mode: "live", dataDir: ".paybell" };

describe("a healthy place", () => {
  it("before the first start: nothing is broken, and nothing is made", async () => {
    const diagnosis = await patient.examine();
    expect(diagnosis.code).toBe(0);
    expect(diagnosis.findings.filter(({ status }) => status === "broken")).toEqual([]);
    expect(of(diagnosis, "database")).toMatchObject([{ status: "ok", found: expect.stringMatching(/none yet/) }]);
    expect(readdirSync(patient.directory)).toEqual([]);
  });

  it("with a database: durable, whole, up to date, and left as it was", async () => {
    await patient.run("merchants", "create", "Corner Shop");
    const before = await readFile(join(patient.dataDir, "paybell.db"));
    const diagnosis = await patient.examine();
    expect(diagnosis.code).toBe(0);
    expect(of(diagnosis, "durability")).toMatchObject([{ status: "ok", found: expect.stringMatching(/FULL hold/) }]);
    expect(of(diagnosis, "integrity")).toMatchObject([{ status: "ok" }]);
    expect(of(diagnosis, "database")).toMatchObject([{ status: "ok", found: expect.stringMatching(/sandbox mode/) }]);
    expect(await readFile(join(patient.dataDir, "paybell.db"))).toEqual(before);
    expect(readdirSync(patient.dataDir).filter((name) => name.startsWith("doctor"))).toEqual([]);
  });

  it("is shown as a table, each line with its status", async () => {
    const { code, out } = await patient.run("doctor");
    expect(code).toBe(0);
    expect(out).toMatch(/^ok {2,}node {2,}24\./);
    for (const line of out.trimEnd().split("\n")) expect(line).toMatch(/^(ok|warning|broken|skipped| +→)/);
  });
});

describe("a server that runs", () => {
  it("is recognised, goes on undisturbed, and its database can be looked at", async () => {
    await mkdir(patient.dataDir);
    const server = await ServerProcess.start({ dataDir: patient.dataDir });
    try {
      const api = new Api(server.url);
      const args = ["--data-dir", patient.dataDir, "--port", String(server.port)];
      const [diagnosis] = await Promise.all([patient.examine(...args), api.createPayment()]);
      expect(of(diagnosis, "server")[0]?.found).toBe(`process ${server.pid} runs on this directory`);
      expect(of(diagnosis, "port")).toMatchObject([
        { status: "ok", found: expect.stringMatching(/of this directory/) },
      ]);
      expect(of(diagnosis, "integrity")).toMatchObject([{ status: "ok" }]);
      expect(diagnosis.code).toBe(0);
      await api.createPayment();
      await server.kill9();
      const after = await patient.examine(...args);
      expect(of(after, "server")[0]?.found).toMatch(/none runs/);
      expect(of(after, "port")).toMatchObject([{ status: "ok", found: expect.stringMatching(/is free/) }]);
      expect(of(after, "integrity")).toMatchObject([{ status: "ok" }]);
    } finally {
      await server.dispose();
    }
  });
});

describe("a configuration", () => {
  it("that does not load: every problem with what is allowed, and what needs no configuration", async () => {
    await patient.configure({ prot: 1, limits: { sockets: -1 } });
    const diagnosis = await patient.examine();
    expect(diagnosis.code).toBe(1);
    expect(of(diagnosis, "config").map(({ status, found }) => `${status} ${found}`)).toEqual([
      expect.stringMatching(/^broken paybell\.config\.json: prot: there is no such setting/),
      expect.stringMatching(/^broken paybell\.config\.json: limits\.sockets/),
    ]);
    expect(of(diagnosis, "node")).toHaveLength(1);
    expect(of(diagnosis, "everything else")).toMatchObject([{ status: "skipped" }]);
  });
});

describe("a database", () => {
  beforeEach(() => patient.run("merchants", "create", "Corner Shop"));

  const database = () => join(patient.dataDir, "paybell.db");

  it("with a page that was overwritten is broken", async () => {
    const file = await open(database(), "r+");
    await file.write(Buffer.alloc(4_096, 0xaa), 0, 4_096, 4_096 * 3);
    await file.close();
    const diagnosis = await patient.examine();
    expect(diagnosis.code).toBe(1);
    const bad = diagnosis.findings.filter(({ status }) => status === "broken");
    expect(bad.map(({ what }) => what).every((what) => what === "integrity" || what === "database")).toBe(true);
    expect(bad[0]?.toDo).toMatch(/backup/);
  });

  it("that is none is broken", async () => {
    await writeFile(database(), "This was never a database, but it is long enough to be looked at as one. ".repeat(20));
    const [finding] = of(await patient.examine(), "database");
    expect(finding).toMatchObject({ status: "broken", toDo: expect.stringMatching(/backup/) });
  });

  it("of the other mode is broken", async () => {
    await patient.configure(live);
    const [finding] = of(await patient.examine(), "database");
    expect(finding).toMatchObject({
      status: "broken",
      found: expect.stringMatching(/made in sandbox mode, not in live/),
    });
  });

  it("of a newer program is broken, of an older one to be migrated", async () => {
    const change = (sql: string) => {
      const file = new DatabaseSync(database());
      file.exec(sql);
      file.close();
    };
    change("PRAGMA user_version = 9999");
    expect(of(await patient.examine(), "database")).toMatchObject([
      { status: "broken", found: expect.stringMatching(/schema version 9999/), toDo: expect.stringMatching(/newer/) },
    ]);
    change("PRAGMA user_version = 3");
    const older = await patient.examine();
    expect(of(older, "database")).toMatchObject([
      { status: "warning", toDo: expect.stringMatching(/paybell migrate/) },
    ]);
    expect(older.code).toBe(0);
  });

  it("in a place that is no directory is broken", async () => {
    await writeFile(patient.path("file"), "");
    const [finding] = of(await patient.examine("--data-dir", "file/below"), "data directory");
    expect(finding).toMatchObject({ status: "broken", found: expect.stringMatching(/cannot be written/) });
  });
});

describe("a port", () => {
  it("that another program has is broken, also when that answers as Paybell would", async () => {
    const other = createServer((_request, response) => response.end("ok"));
    await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
    try {
      const { port } = other.address() as AddressInfo;
      const diagnosis = await patient.examine("--port", String(port));
      expect(of(diagnosis, "port")).toMatchObject([
        { status: "broken", found: expect.stringMatching(/another program/) },
      ]);
      expect(diagnosis.code).toBe(1);
    } finally {
      other.close();
    }
  });

  it("on an address that is not this machine's is broken", async () => {
    await patient.configure({ ...live, host: "192.0.2.1" });
    expect(of(await patient.examine(), "port")).toMatchObject([
      { status: "broken", found: expect.stringMatching(/192\.0\.2\.1 is no address of this machine/) },
    ]);
  });
});

describe("a certificate", () => {
  const { cert, key } = selfSigned();
  const examined = async (certificate: string, privateKey: string, at = "2026-06-01") => {
    await writeFile(patient.path("cert.pem"), certificate);
    await writeFile(patient.path("key.pem"), privateKey);
    const tls = { certFile: patient.path("cert.pem"), keyFile: patient.path("key.pem") };
    return tlsFinding({ tls }, Date.parse(at));
  };

  it("that is good says for whom and until when", async () => {
    expect(await examined(cert, key)).toMatchObject({
      status: "ok",
      found: expect.stringMatching(/localhost.*2049-12-31/),
    });
  });

  it("with the key of another is broken", async () => {
    expect(await examined(cert, selfSigned().key)).toMatchObject({
      status: "broken",
      found: expect.stringMatching(/belong/),
    });
  });

  it("that is none, or whose key is none, is broken", async () => {
    expect(await examined("nonsense", key)).toMatchObject({ status: "broken", toDo: expect.stringMatching(/PEM/) });
    expect(await examined(cert, "nonsense")).toMatchObject({ status: "broken", toDo: expect.stringMatching(/PEM/) });
  });

  it("that ends soon is a warning, that has ended or not begun is broken", async () => {
    expect(await examined(cert, key, "2049-12-25")).toMatchObject({
      status: "warning",
      toDo: expect.stringMatching(/Renew/),
    });
    expect(await examined(cert, key, "2050-02-01")).toMatchObject({
      status: "broken",
      found: expect.stringMatching(/expired/),
    });
    expect(await examined(cert, key, "2024-02-01")).toMatchObject({
      status: "broken",
      toDo: expect.stringMatching(/clock/),
    });
  });

  it("that is not there is broken", async () => {
    await patient.configure({ ...live, tls: { certFile: "no.pem", keyFile: "no.key" } });
    expect(of(await patient.examine(), "tls")).toMatchObject([
      { status: "broken", found: expect.stringMatching(/no\.pem/) },
    ]);
  });
});

describe("merchants", () => {
  const bitcoin = { kind: "bitcoin", network: "regtest", rpcUrl: "http://127.0.0.1:9" };

  it("who are named and do not exist, have no key, or nothing to derive addresses from", async () => {
    const pusher = { apps: [{ id: "one", key: "k".repeat(20), merchant: "ghost" }] };
    await patient.configure({ ...live, hosts: { "shop.example": "nobody" }, chains: { bitcoin }, pusher });
    expect(of(await patient.examine(), "merchants")).toMatchObject([{ status: "skipped" }]);
    await patient.run("merchants", "create", "Corner Shop");
    const told = () => patient.examine().then((diagnosis) => of(diagnosis, "merchants"));
    const found = (await told()).map(({ status, found }) => `${status}: ${found}`);
    expect(found).toEqual([
      expect.stringMatching(/^broken: hosts\.shop\.example names the merchant "nobody"/),
      expect.stringMatching(/^broken: the Pusher app one names the merchant "ghost"/),
      "warning: corner-shop has no secret key.",
      expect.stringMatching(/^warning: corner-shop has no extended public key on bitcoin/),
    ]);
    await patient.run("merchants", "create", "nobody");
    await patient.run("merchants", "create", "ghost");
    await patient.run("keys", "create", "corner-shop");
    const left = (await told()).filter((finding) => finding.found.includes("corner-shop"));
    expect(left).toMatchObject([{ toDo: "paybell merchants set-xpub corner-shop bitcoin …" }]);
  });

  it("of whom there is none in live mode", async () => {
    await patient.configure(live);
    await patient.run("merchants", "list");
    expect(of(await patient.examine(), "merchants")).toMatchObject([{ status: "warning", found: "There is none." }]);
  });
});

describe("the machine", () => {
  it("with an old Node, or few descriptors, says so", () => {
    expect(nodeFinding("20.19.0")).toMatchObject({ status: "broken", toDo: expect.stringMatching(/Node 24/) });
    expect(nodeFinding("24.0.0").status).toBe("ok");
    const limits = { ...defaultLimits, connections: 1_000 };
    expect(descriptorsFinding({ limits }, 1_127)).toMatchObject({
      status: "warning",
      toDo: expect.stringMatching(/ulimit/),
    });
    expect(descriptorsFinding({ limits }, 1_128).status).toBe("ok");
    expect(descriptorsFinding({ limits }, null).status).toBe("ok");
  });

  it("with a clock behind the blocks, or one that was set just now, says so", () => {
    const began = { wallMs: 1_700_000_000_000, runningMs: 5 };
    const later = { wallMs: began.wallMs + 1_000, runningMs: 1_005 };
    const visit = (kind: string, aheadMs: number) => {
      const head = { height: 1, timeMs: later.wallMs + aheadMs };
      const reading = { name: "a", problem: null, advisory: null, isEssential: true, head, latencyMs: 1 };
      return [{ chain: "x", settings: { kind }, probe: null, readings: [reading], findings: [] }] as never;
    };
    expect(clockFinding([], began, later).status).toBe("ok");
    expect(clockFinding(visit("evm", 15_000), began, later).status).toBe("ok");
    expect(clockFinding(visit("evm", 16_000), began, later)).toMatchObject({
      status: "broken",
      found: expect.stringMatching(/newest block of x is 16 s ahead/),
    });
    expect(clockFinding(visit("bitcoin", 3_600_000), began, later).status).toBe("ok");
    expect(clockFinding([], began, { ...later, wallMs: later.wallMs + 5_000 })).toMatchObject({ status: "warning" });
  });
});

it("whoever waits sees for what, every two seconds", async () => {
  vi.useFakeTimers();
  try {
    const said: string[] = [];
    const work = Promise.withResolvers<string>();
    const result = withProgress({ err: (text) => said.push(text) }, "reading the database", work.promise);
    await vi.advanceTimersByTimeAsync(4_500);
    work.resolve("done");
    expect(await result).toBe("done");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said).toEqual(["… reading the database (2 s)\n", "… reading the database (4 s)\n"]);
  } finally {
    vi.useRealTimers();
  }
});

it("what to do stands below what was found", () => {
  const findings = [
    { what: "node", status: "ok", found: "24", toDo: null },
    { what: "disk space", status: "broken", found: "0.0 GiB free", toDo: "Make room." },
  ] as const;
  expect(render(findings, false)).toBe(
    "ok      node        24\nbroken  disk space  0.0 GiB free\n                    → Make room.\n",
  );
  expect(render(findings, true)).toContain("\u001b[31mbroken");
});
