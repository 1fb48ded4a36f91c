/**
 * The secret of a new API key, from the page that created it to the page that shows it. It is in memory only: a reload forgets it, and so
 * does the page that shows it, as soon as it has it.
 */
let handedOver: { directoryId: string; secret: string } | undefined;

export function handOver(directoryId: string, secret: string): void {
  handedOver = { directoryId, secret };
}

/** Returns the secret of a key of this directory. It changes nothing: React can begin to show a page several times. */
export function received(directoryId: string): string | undefined {
  return handedOver?.directoryId === directoryId ? handedOver.secret : undefined;
}

/** Forgets the secret. A page calls it when it is there, and has the secret. */
export function forget(): void {
  handedOver = undefined;
}
