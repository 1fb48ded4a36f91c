import { Alert, Button, Code, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { answer, api, type Schemas } from "../../api/client";
import { useMay } from "../../api/session";
import { FormDialog } from "../../parts/FormDialog";
import { text } from "../../text";
import { useAccessChanged } from "./byHand";
import { Who } from "./Who";

interface Props {
  organization: string;
  /** The id of the user, who need not exist. */
  id: string;
  /** The user, as far as it is known. */
  user: Schemas["User"] | undefined;
  suspended: boolean;
}

/** Suspends all access of a user, or resumes it. It is for emergencies, so it needs nothing of the user but the id. */
export function SuspendOrResume({ organization, id, user, suspended }: Props) {
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
  const who = user ? <Who user={user} /> : <Code w="fit-content">{id}</Code>;
  return (
    <>
      <Button variant="default" onClick={() => setAsked(suspended ? "resume" : "suspend")}>
        {suspended ? words.resume : words.suspend}
      </Button>
      {warning && <Alert color="yellow">{warning}</Alert>}
      {asked === "resume" && (
        <FormDialog title={words.resumeTitle} action={words.resume} run={resume} onClose={close}>
          {who}
          <Text>{words.resumeText}</Text>
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
          {who}
          <Text>{words.suspendText}</Text>
          <Text size="sm">{words.suspendSessions}</Text>
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
