/** Why an identity provider may not reach a Base URL, or "" if nothing is seen. */
export type Trouble = "" | "loopback" | "plain";

const loopback = /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/;

/** Returns what is wrong with a Base URL for an identity provider in the cloud. */
export function troubleOf(baseUrl: string): Trouble {
  if (!URL.canParse(baseUrl)) {
    return "";
  }
  const { hostname, protocol } = new URL(baseUrl);
  return loopback.test(hostname) ? "loopback" : protocol === "https:" ? "" : "plain";
}
