/** Before every test file: with FUZZ_SEED set, all random values that fast-check makes follow from it. */
import fc from "fast-check";

const { FUZZ_SEED } = process.env;
if (FUZZ_SEED !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(FUZZ_SEED) });
