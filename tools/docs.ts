/** `npm run docs`: runs every `tools/generate-*.ts`; each writes one reference page from the table it documents. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runStep } from "./step.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const generators = readdirSync(here).filter((name) => /^generate-.*\.ts$/.test(name));
const results = generators.map((name) =>
  runStep({ name, command: "node", args: ["--conditions=@paybell/source", `tools/${name}`] }),
);
if (generators.length === 0) console.log("docs: there is no generator yet");
process.exitCode = results.every((good) => good) ? 0 : 1;
