// What jsdom does not have, and Mantine and the API client need.
import { afterEach } from "vitest";
import { respond, unmount } from "./server";

Object.assign(globalThis, {
  fetch: respond,
  Request: class extends Request {
    constructor(input: RequestInfo | URL, init?: RequestInit) {
      super(typeof input === "string" ? new URL(input, location.href) : input, init);
    }
  },
  ResizeObserver: class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
  matchMedia: (media: string) => ({
    media,
    matches: false,
    addEventListener() {},
    removeEventListener() {},
    addListener() {},
    removeListener() {},
  }),
});
Object.assign(document, { fonts: new EventTarget() });
Element.prototype.scrollIntoView = () => {};

afterEach(unmount);
