import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const blue: MantineColorsTuple = [
  "#eef3ff",
  "#dbe5fb",
  "#b4c8f4",
  "#8ba9ee",
  "#698ee8",
  "#527de5",
  "#3f6fdd",
  "#2f5fd0",
  "#264fb0",
  "#1b3f92",
];

export const theme = createTheme({
  primaryColor: "usher",
  primaryShade: { light: 7, dark: 7 },
  colors: { usher: blue },
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  defaultRadius: "md",
  cursorType: "pointer",
  components: {
    // A label can contain a name without a place for a break, such as the URN of a schema.
    InputWrapper: { styles: { label: { overflowWrap: "anywhere" } } },
    Modal: { styles: { title: { fontWeight: 650, overflowWrap: "anywhere" } } },
    // A menu is a part of the header. Without a placeholder, it contains nothing but its items.
    Menu: { defaultProps: { withinPortal: false, withInitialFocusPlaceholder: false } },
    // A page has one banner. The header of a dialog is none.
    ModalHeader: { defaultProps: { role: "none" } },
    DrawerHeader: { defaultProps: { role: "none" } },
    Drawer: { styles: { title: { fontWeight: 650 } } },
  },
  headings: {
    fontWeight: "650",
    sizes: { h1: { fontSize: "1.5rem" }, h2: { fontSize: "1.15rem" }, h3: { fontSize: "1rem" } },
  },
});

/** Colours of text that have enough contrast with the background (WCAG 1.4.3), which some of Mantine's do not have. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#5b6470",
    "--mantine-color-anchor": "#264fb0",
    "--mantine-color-placeholder": "#5b6470",
    "--mantine-color-error": "#b42318",
    "--mantine-color-yellow-light-color": "#7a4a00",
    "--usher-good": "#14713a",
    "--usher-warn": "#8a5300",
    "--usher-bad": "#b42318",
    "--usher-line": "#dfe3e8",
    "--usher-page": "#f7f8fa",
  },
  dark: {
    "--mantine-color-dimmed": "#a3aab5",
    "--mantine-color-anchor": "#8ba9ee",
    "--mantine-color-placeholder": "#a3aab5",
    "--mantine-color-error": "#ff9c94",
    "--usher-good": "#63cf8b",
    "--usher-warn": "#f0b357",
    "--usher-bad": "#ff9c94",
    "--usher-line": "#3a4048",
    "--usher-page": "#16181b",
  },
});
