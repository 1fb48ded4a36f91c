import { createContext, useContext } from "react";

/** The organization that the reader looks at, or that the operator looked at before; "" if there is none. */
export const LastOrganizationContext = createContext("");

export function useLastOrganization(): string {
  return useContext(LastOrganizationContext);
}
