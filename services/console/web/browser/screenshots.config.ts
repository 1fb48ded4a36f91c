import { defineConfig } from "vitest/config";

// The pictures of all pages. services/e2e takes them: they need an Usher.
export default defineConfig({
  test: { environment: "node", include: ["browser/screenshots.ts"], reporters: ["verbose"] },
});
