import { defineConfig } from "vitest/config";

// The tests in a real browser. services/e2e runs them: they need an Usher. BROWSER_TESTS=keys,end runs some of the files.
const files = process.env.BROWSER_TESTS?.split(",") ?? ["*"];

export default defineConfig({
  test: {
    environment: "node",
    include: files.map((file) => `browser/${file}.test.ts`),
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: ["verbose"],
  },
});
