import { Button, Stack } from "@mantine/core";
import { useState } from "react";
import { useCatalogue } from "../../api/catalogue";
import { answer, api } from "../../api/client";
import { type Rule, useRulesChanged } from "../../api/rules";
import { useMay } from "../../api/session";
import { Newer } from "../../parts/Newer";
import { Failure } from "../../parts/States";
import { type Edit, useEdit } from "../../parts/useEdit";
import { text } from "../../text";
import { changesOf, type Draft, draftOf, missingOf } from "./draft";
import { RuleForm } from "./RuleForm";

export const rulePath = "/api/v1/organizations/{organizationId}/rules/{id}";

/** Edits a rule. It says when the edits are stored, before anything is read again. */
export function useRuleEdit(rule: Rule, onStored: () => void): Edit<Draft> {
  const { organizationId, id } = rule;
  return useEdit({
    value: draftOf(rule),
    version: rule.etag,
    send: async (draft, base, etag) => {
      const { rule: now } = await answer(
        api.PATCH(rulePath, {
          params: { path: { organizationId, id } },
          body: { ...changesOf(draft, base), etag },
        }),
      );
      onStored();
      return now ? { value: draftOf(now), version: now.etag } : undefined;
    },
    changed: useRulesChanged(organizationId),
  });
}

/** The form of a rule. */
export function EditRule({ rule, edit }: { rule: Rule; edit: Edit<Draft> }) {
  const { organizationId } = rule;
  const catalogue = useCatalogue(organizationId);
  const mayManage = useMay("MANAGE_RULES");
  const [tried, setTried] = useState(false);
  const { draft, base } = edit;
  const missing = missingOf(draft, catalogue.roles);
  const incomplete = missing.match || missing.grants || missing.twice || draft.displayName.trim() === "";
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (!incomplete) {
          edit.save();
        }
      }}
    >
      <RuleForm
        organization={organizationId}
        catalogue={catalogue}
        draft={draft}
        onChange={edit.set}
        readOnly={!mayManage}
        tried={tried}
        stored
        edited={edit.edited}
      />
      {mayManage && (
        <Stack mt="md" align="flex-start">
          <Newer edit={edit} />
          {edit.error && <Failure error={edit.error} />}
          <Button type="submit" loading={edit.saving} disabled={Object.keys(changesOf(draft, base)).length === 0}>
            {text.save}
          </Button>
        </Stack>
      )}
    </form>
  );
}
