import { useLayoutEffect } from "react";

/** Returns the focus to where it was before the part appeared, when the part disappears: for a dialog that exists only while it is open. */
export function useReturnFocus(): void {
  useLayoutEffect(() => {
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement) {
        before.focus({ preventScroll: true });
      }
    };
  }, []);
}
