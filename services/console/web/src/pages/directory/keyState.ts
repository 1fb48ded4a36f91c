import type { Key } from "../../api/keys";
import type { text } from "../../text";

type Times = Pick<Key, "revokeTime" | "expireTime" | "expiryState" | "replacedById" | "lastUseTime">;

export function stateOf(key: Times): keyof typeof text.directory.keys.states {
  if (key.revokeTime) {
    return "revoked";
  }
  if (key.expiryState === "EXPIRY_STATE_EXPIRED") {
    return key.replacedById ? "ended" : "expired"; // a rotation decided when it ends
  }
  return key.replacedById ? "replaced" : "valid";
}

export function isValid(key: Times): boolean {
  const state = stateOf(key);
  return state === "valid" || state === "replaced";
}

/** Returns when a key ended that is not valid any more. */
export function endOf(key: Pick<Times, "revokeTime" | "expireTime">): string | null {
  const { revokeTime, expireTime } = key;
  return revokeTime && expireTime && Date.parse(expireTime) < Date.parse(revokeTime)
    ? expireTime
    : (revokeTime ?? expireTime);
}

/** A use of a key is known a minute later, and the last message with an old key can end after the key. In milliseconds. */
const margin = 60_000;

/**
 * Reports whether each key that the identity provider used has ended, and it has not used a valid one: it cannot send anything until somebody
 * enters the new key there.
 */
export function waitsForKey(keys: Times[], lastMessageTime: string | null | undefined): boolean {
  const valid = keys.filter(isValid);
  const used = keys.filter((key) => key.lastUseTime && !isValid(key));
  if (valid.length === 0 || used.length === 0 || valid.some((key) => key.lastUseTime)) {
    return false;
  }
  const ended = Math.max(...used.map((key) => Date.parse(endOf(key) ?? "")));
  return !lastMessageTime || Date.parse(lastMessageTime) <= ended + margin;
}
