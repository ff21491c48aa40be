import { defineConfig } from "vitest/config";

const source = "@paybell/source";

export default defineConfig({
  ssr: { resolve: { conditions: [source] } },
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    setupFiles: ["packages/server/testkit/fixed-seed.ts"],
    // Bounds against hanging, not expectations: a slow, busy machine must not turn a test red.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    // Worker threads that the server starts inherit this, and find the workspace's sources as it does.
    execArgv: [`--conditions=${source}`],
    // bcoin then uses its JavaScript parts, and the tests need no C compiler.
    env: { NODE_BACKEND: "js" },
  },
});
