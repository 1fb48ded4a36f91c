import "@mantine/core/styles.css";
import "./main.css";
import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router/dom";
import { apiError } from "./api/errors";
import { router } from "./routes";
import { cssVariables, theme } from "./theme";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
// The library that stops the page behind a dialogue from scrolling reads this name.
Object.assign(globalThis, { __webpack_nonce__: nonce });

const queries = new QueryClient({
  defaultOptions: {
    queries: { retry: (failures, error) => failures < 2 && apiError(error).temporary, staleTime: 2_000 },
    mutations: { gcTime: 0 },
  },
});

// A test looks here for what must not be kept. The caches contain what the page shows, and no secret.
Object.assign(globalThis, {
  usherCaches: () => [
    queries
      .getQueryCache()
      .getAll()
      .map(({ queryKey, state }) => [queryKey, state.data]),
    queries
      .getMutationCache()
      .getAll()
      .map(({ state }) => [state.variables, state.data]),
  ],
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      colorSchemeManager={localStorageColorSchemeManager({ key: "usher-theme" })}
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>,
  );
}
