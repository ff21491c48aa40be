import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { EXAMPLE, REFERENCE_FOLDER, referencePages } from "../../../../tools/generate-reference.ts";
import { loadConfig } from "../../src/config/load-config.ts";

const pages = await referencePages();

describe("docs/reference", () => {
  it.each(Object.keys(pages))("%s is what the program's own tables say (else: npm run docs)", (name) => {
    expect(readFileSync(join(REFERENCE_FOLDER, name), "utf8")).toBe(pages[name]);
  });

  it("has every error and limit in it, and every page on disk", () => {
    expect(pages["errors.md"]).toContain("`address_in_use`");
    expect(pages["limits.md"]).toContain("`subscriptionsPerConnection`");
    expect(readdirSync(REFERENCE_FOLDER)).toEqual(expect.arrayContaining(Object.keys(pages)));
  });
});

describe("the example configuration", () => {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(pages["paybell.config.schema.json"] as string));

  it("starts a server", () => {
    const cwd = mkdtempSync(join(tmpdir(), "paybell-example-"));
    writeFileSync(join(cwd, "paybell.config.json"), JSON.stringify({ $schema: "./x.json", ...EXAMPLE }));
    const config = loadConfig({ configFile: null, environment: {}, flags: {}, cwd });
    rmSync(cwd, { recursive: true });
    expect(config).toMatchObject({
      mode: "live",
      chains: { bitcoin: { kind: "bitcoin" }, tron: { kind: "external" } },
    });
  });

  it("passes the published JSON Schema, and a mistake in it does not", () => {
    expect(validate({ $schema: "./x.json", ...EXAMPLE })).toBe(true);
    expect(validate({ ...EXAMPLE, prot: 1 })).toBe(false);
    expect(validate({ chains: { a: { kind: "bitcoin" } } })).toBe(false);
    expect(validate({ port: "8000" })).toBe(false);
  });
});
