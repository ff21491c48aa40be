/** A React sample as a page: the sample as one module, bundled with the real React by a real bundler. */
import { bundlePage } from "./bundle-page.ts";

export interface ReactSample {
  /** TSX that exports the component. */
  code: string;
  /** By which name; left out: by default. */
  exported?: string;
  /** What the component is given, as JSON has it. */
  props?: Readonly<Record<string, unknown>>;
  /** TSX that runs before it: what the sample expects to find around it. */
  around?: string;
  /** `process.env.…` of the shop's build. */
  env?: Readonly<Record<string, string>>;
}

const SAMPLE = "\0sample.tsx";
const AROUND = "\0around.tsx";
const ENTRY = "\0entry.tsx";

/** The page takes the component away again with `leave()`.
 * @throws Error when the sample does not compile */
export function reactPage({ code, exported = "default", props = {}, around = "", env = {} }: ReactSample) {
  const mount = `
    import ${JSON.stringify(AROUND)};
    import { createRoot } from "react-dom/client";
    import { createElement } from "react";
    import { ${exported} as Sample } from ${JSON.stringify(SAMPLE)};
    const root = createRoot(document.getElementById("root"));
    root.render(createElement(Sample, ${JSON.stringify(props)}));
    globalThis.leave = () => root.unmount();
  `;
  return bundlePage({ modules: { [SAMPLE]: code, [AROUND]: around, [ENTRY]: mount }, entry: ENTRY, env });
}
