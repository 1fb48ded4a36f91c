import { type Provider, providers } from "../../text/setUp";

const key = "usher-guides";

/** The largest number of directories of which this browser remembers the provider. */
const most = 50;

/** Returns the provider that somebody chose for a directory in this browser. */
export function chosenProvider(directory: string): Provider | undefined {
  const provider = read().find(([id]) => id === directory)?.[1] ?? "";
  return Object.hasOwn(providers, provider) ? (provider as Provider) : undefined;
}

/** Remembers the provider of a directory in this browser, and forgets those of the oldest choices. */
export function rememberProvider(directory: string, provider: Provider): void {
  const kept = [[directory, provider], ...read().filter(([id]) => id !== directory)].slice(0, most);
  try {
    localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    // The browser stores nothing. Then the reader chooses the guide again.
  }
}

/** Returns the ids of directories with their providers, the newest choice first. */
function read(): string[][] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(stored) ? stored.filter(Array.isArray) : [];
  } catch {
    return []; // it is forbidden, or something else wrote it
  }
}
