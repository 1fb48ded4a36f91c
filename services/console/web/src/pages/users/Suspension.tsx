import { Alert, Button, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { useMay } from "../../api/session";
import { FormDialog } from "../../parts/FormDialog";
import { text } from "../../text";
import { useAccessChanged } from "./byHand";

interface Props {
  organization: string;
  /** The id of the user, who need not exist. */
  id: string;
  /** How people call the user, as far as it is known. */
  name: string;
  suspended: boolean;
}

/** Suspends all access of a user, or resumes it. It is for emergencies, so it needs nothing of the user but the id. */
export function SuspendOrResume({ organization, id, name, suspended }: Props) {
  const words = text.users;
  const mayGrant = useMay("GRANT_ACCESS");
  const changed = useAccessChanged(organization);
  // Which dialogue is open. It does not become the other one when somebody else suspends or resumes the access meanwhile.
  const [asked, setAsked] = useState<"suspend" | "resume">();
  const [reason, setReason] = useState("");
  const [warning, setWarning] = useState("");
  const path = { organizationId: organization, userId: id };
  const close = () => setAsked(undefined);
  if (!mayGrant) {
    return null;
  }
  const suspend = async () => {
    const said = await answer(
      api.POST("/api/v1/organizations/{organizationId}/users/{userId}/access:suspend", {
        params: { path },
        body: { reason: reason.trim() },
      }),
    );
    setWarning(said.warning);
    setReason("");
    close();
    await changed();
  };
  const resume = async () => {
    await answer(api.POST("/api/v1/organizations/{organizationId}/users/{userId}/access:resume", { params: { path } }));
    setWarning("");
    close();
    await changed();
  };
  return (
    <>
      <Button variant="default" onClick={() => setAsked(suspended ? "resume" : "suspend")}>
        {suspended ? words.resume : words.suspend}
      </Button>
      {warning && <Alert color="yellow">{warning}</Alert>}
      {asked === "resume" && (
        <FormDialog title={words.resumeTitle} action={words.resume} run={resume} onClose={close}>
          <Text>{words.resumeText(name)}</Text>
        </FormDialog>
      )}
      {asked === "suspend" && (
        <FormDialog
          title={words.suspendTitle}
          action={words.suspend}
          dangerous
          incomplete={reason.trim() === ""}
          run={suspend}
          onClose={close}
        >
          <Text>{words.suspendText(name)}</Text>
          <Textarea
            label={words.suspendReason}
            value={reason}
            maxLength={500}
            required
            autosize
            data-autofocus
            onChange={(event) => setReason(event.currentTarget.value.replaceAll("\n", " "))}
          />
        </FormDialog>
      )}
    </>
  );
}
