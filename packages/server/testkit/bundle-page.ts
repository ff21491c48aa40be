/** Modules of a test as a page: bundled with the real packages that they import, as a shop's build does it. */
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { pageWithScript } from "./chromium.ts";

export interface PageModules {
  /** TSX by name; they import each other by these names. */
  modules: Readonly<Record<string, string>>;
  /** The name of the one that runs. */
  entry: string;
  /** `process.env.…` of the shop's build. */
  env?: Readonly<Record<string, string>>;
}

/** What the modules import is found as an import of this file. */
const HERE = fileURLToPath(import.meta.url);

/** A page with an empty `<div id="root">`. @throws Error when a module does not compile */
export async function bundlePage({ modules, entry, env = {} }: PageModules): Promise<string> {
  const define = Object.entries({ NODE_ENV: "development", ...env }).map(([name, value]) => [
    `process.env.${name}`,
    JSON.stringify(value),
  ]);
  const bundle = await rolldown({
    input: entry,
    platform: "browser",
    logLevel: "silent",
    transform: { define: Object.fromEntries(define) },
    plugins: [
      {
        name: "modules",
        resolveId(id, importer) {
          if (Object.hasOwn(modules, id)) return id;
          const isOurs = importer !== undefined && Object.hasOwn(modules, importer);
          return isOurs ? this.resolve(id, HERE, { skipSelf: true }) : null;
        },
        load: (id) => (Object.hasOwn(modules, id) ? { code: String(modules[id]), moduleType: "tsx" } : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "iife" });
  await bundle.close();
  return pageWithScript(output[0].code, '<div id="root"></div>');
}
