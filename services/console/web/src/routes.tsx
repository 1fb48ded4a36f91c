import { createBrowserRouter, type RouteObject } from "react-router";
import { Crashed } from "./shell/Crashed";
import { Home } from "./shell/Home";
import { NotFound } from "./shell/NotFound";
import { Shell } from "./shell/Shell";

// Each page is a file of its own, which the browser loads when somebody opens it.
export const routes: RouteObject[] = [
  {
    path: "/",
    Component: Shell,
    ErrorBoundary: Crashed,
    HydrateFallback: () => null,
    children: [
      {
        ErrorBoundary: Crashed,
        children: [
          { index: true, Component: Home },
          {
            path: "organizations",
            lazy: async () => ({ Component: (await import("./pages/organizations/Organizations")).Organizations }),
          },
          { path: "roles", lazy: async () => ({ Component: (await import("./pages/roles/Roles")).Roles }) },
          { path: "sign-ins", lazy: async () => ({ Component: (await import("./pages/signins/SignIns")).SignIns }) },
          {
            path: "organizations/:organization",
            children: [
              { index: true, lazy: async () => ({ Component: (await import("./pages/overview/Overview")).Overview }) },
              {
                path: "directories/new",
                lazy: async () => ({ Component: (await import("./pages/setup/NewDirectory")).NewDirectory }),
              },
              {
                path: "directories/:directory",
                lazy: async () => ({ Component: (await import("./pages/directory/DirectoryPage")).DirectoryPage }),
              },
              {
                path: "directories/:directory/set-up",
                lazy: async () => ({ Component: (await import("./pages/setup/SetUp")).SetUp }),
              },
              {
                path: "settings",
                lazy: async () => ({ Component: (await import("./pages/settings/SettingsPage")).SettingsPage }),
              },
              {
                path: "failed-events",
                lazy: async () => ({ Component: (await import("./pages/events/FailedEvents")).FailedEvents }),
              },
              {
                path: "access",
                lazy: async () => ({ Component: (await import("./pages/access/AccessPage")).AccessPage }),
              },
              {
                path: "rules",
                lazy: async () => ({ Component: (await import("./pages/rules/Rules")).Rules }),
              },
              {
                path: "rules/new",
                lazy: async () => ({ Component: (await import("./pages/rules/NewRule")).NewRule }),
              },
              {
                path: "rules/:rule",
                lazy: async () => ({ Component: (await import("./pages/rules/RulePage")).RulePage }),
              },
              {
                path: "syncs",
                lazy: async () => ({ Component: (await import("./pages/syncs/Syncs")).Syncs }),
              },
              {
                path: "syncs/:sync",
                lazy: async () => ({ Component: (await import("./pages/syncs/SyncPage")).SyncPage }),
              },
              {
                path: "users",
                lazy: async () => ({ Component: (await import("./pages/users/Users")).Users }),
              },
              {
                path: "users/:user",
                lazy: async () => ({ Component: (await import("./pages/users/UserPage")).UserPage }),
              },
              {
                path: "groups",
                lazy: async () => ({ Component: (await import("./pages/groups/Groups")).Groups }),
              },
              {
                path: "groups/:group",
                lazy: async () => ({ Component: (await import("./pages/groups/GroupPage")).GroupPage }),
              },
            ],
          },
          { path: "*", Component: NotFound },
        ],
      },
    ],
  },
];

export const router = createBrowserRouter(routes);
