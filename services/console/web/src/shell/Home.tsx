import { Navigate } from "react-router";
import { useSession } from "../api/session";
import { paths } from "../paths";

/** The first page of the reader. */
export function Home() {
  const { organizationId, oneDirectory, directoryId } = useSession();
  if (!organizationId) {
    return <Navigate to={paths.organizations} replace />;
  }
  if (oneDirectory) {
    return (
      <Navigate
        to={directoryId ? paths.directory(organizationId, directoryId) : paths.newDirectory(organizationId)}
        replace
      />
    );
  }
  return <Navigate to={paths.overview(organizationId)} replace />;
}
