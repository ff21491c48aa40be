/** `npm run tidy`: prints each finding as `file:line rule: what, why, what to do`; exit code 1 if there is one. */
import { fileURLToPath } from "node:url";
import { describeFinding, tidy } from "./rules.ts";
import { readSourceFiles } from "./source.ts";

const files = readSourceFiles(fileURLToPath(new URL("../..", import.meta.url)));
const findings = tidy(files);
for (const finding of findings) console.log(describeFinding(finding));
console.log(`tidy: ${files.length} files, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
