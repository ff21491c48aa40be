/** A Vue component as a page, bundled with the real Vue by a real bundler. */
import { bundlePage } from "./bundle-page.ts";

const SAMPLE = "\0sample.js";
const ENTRY = "\0entry.js";

const MOUNT = `
  import { createApp } from "vue";
  import Sample from ${JSON.stringify(SAMPLE)};
  const app = createApp(Sample);
  app.mount("#root");
  globalThis.leave = () => app.unmount();
`;

/** The page takes the component away again with `leave()`.
 * @param code a module that exports the component by default */
export function vuePage(code: string): Promise<string> {
  return bundlePage({ modules: { [SAMPLE]: code, [ENTRY]: MOUNT }, entry: ENTRY });
}
