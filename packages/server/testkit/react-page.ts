/** A React sample as a page: the sample as one module, bundled with the real React by a real bundler. */
import { createRequire } from "node:module";
import { rolldown } from "rolldown";
import { pageWithScript } from "./chromium.ts";

export interface ReactSample {
  /** TSX that exports the component by default. */
  code: string;
  /** TSX that runs before it: what the sample expects to find around it. */
  around: string;
  /** `process.env.…` of the shop's build. */
  env: Record<string, string>;
}

const { resolve } = createRequire(import.meta.url);
const SAMPLE = "\0sample.tsx";
const AROUND = "\0around.tsx";
const ENTRY = "\0entry.tsx";

const MOUNT = `
  import ${JSON.stringify(AROUND)};
  import { createRoot } from "react-dom/client";
  import { createElement } from "react";
  import Sample from ${JSON.stringify(SAMPLE)};
  createRoot(document.getElementById("root")).render(createElement(Sample));
`;

/** @throws Error when the sample does not compile */
export async function reactPage({ code, around, env }: ReactSample): Promise<string> {
  const modules = new Map([
    [SAMPLE, code],
    [AROUND, around],
    [ENTRY, MOUNT],
  ]);
  const define = Object.entries({ NODE_ENV: "development", ...env }).map(([name, value]) => [
    `process.env.${name}`,
    JSON.stringify(value),
  ]);
  const bundle = await rolldown({
    input: ENTRY,
    platform: "browser",
    logLevel: "silent",
    transform: { define: Object.fromEntries(define) },
    plugins: [
      {
        name: "sample",
        resolveId: (id, importer) => {
          if (modules.has(id)) return id;
          // What the sample imports is found as an import of this file.
          return importer !== undefined && modules.has(importer) ? resolve(id) : null;
        },
        load: (id) => {
          const text = modules.get(id);
          return text === undefined ? null : { code: text, moduleType: "tsx" };
        },
      },
    ],
  });
  const { output } = await bundle.generate({ format: "iife" });
  await bundle.close();
  return pageWithScript(output[0].code, '<div id="root"></div>');
}
