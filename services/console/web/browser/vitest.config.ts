import { defineConfig } from "vitest/config";

// The tests in a real browser. services/e2e runs them: they need an Usher.
export default defineConfig({
  test: {
    environment: "node",
    include: ["browser/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: ["verbose"],
  },
});
