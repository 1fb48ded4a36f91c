/**
 * The secret of a new API key, from the page that created it to the page that shows it. It is in memory only: a reload forgets it, and so
 * does the page that takes it.
 */
let handedOver: { directoryId: string; secret: string } | undefined;

export function handOver(directoryId: string, secret: string): void {
  handedOver = { directoryId, secret };
}

/** Returns the secret of a key of this directory, and forgets it. */
export function take(directoryId: string): string | undefined {
  const taken = handedOver?.directoryId === directoryId ? handedOver.secret : undefined;
  handedOver = undefined;
  return taken;
}
