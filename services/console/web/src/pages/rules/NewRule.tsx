import { Button, Group, Switch } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { useCatalogue } from "../../api/catalogue";
import { answer, api } from "../../api/client";
import { newRequestId } from "../../api/requestId";
import { useRulesChanged } from "../../api/rules";
import { useMay } from "../../api/session";
import { Page } from "../../parts/Page";
import { Failure } from "../../parts/States";
import { paths } from "../../paths";
import { text } from "../../text";
import { matchOf, missingOf, newDraft } from "./draft";
import { RuleForm } from "./RuleForm";

/** Adds a rule. */
export function NewRule() {
  const words = text.rules;
  const { organization = "" } = useParams();
  const navigate = useNavigate();
  const changed = useRulesChanged(organization);
  const catalogue = useCatalogue(organization);
  const mayManage = useMay("MANAGE_RULES");
  const [draft, setDraft] = useState(newDraft);
  const [disabled, setDisabled] = useState(false);
  const [tried, setTried] = useState(false);
  const [requestId] = useState(newRequestId);
  const create = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/organizations/{organizationId}/rules", {
          params: { path: { organizationId: organization }, query: { requestId } },
          body: {
            ...(draft.displayName.trim() && { displayName: draft.displayName }),
            ...matchOf(draft),
            grants: draft.grants,
            enabled: !disabled,
          },
        }),
      ),
    onSuccess: async ({ rule }) => {
      const added = Date.now();
      await changed();
      await navigate(rule ? paths.rule(organization, rule.id) : paths.rules(organization), {
        replace: true,
        state: { added },
      });
    },
  });
  const missing = missingOf(draft, catalogue.roles);
  return (
    <Page
      title={words.newTitle}
      situation={words.newSituation}
      above={[{ title: words.title, to: paths.rules(organization) }]}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (!missing.match && !missing.grants && !missing.twice) {
            create.mutate();
          }
        }}
      >
        <RuleForm
          organization={organization}
          catalogue={catalogue}
          draft={draft}
          onChange={setDraft}
          readOnly={!mayManage}
          tried={tried}
          stored={false}
        />
        {mayManage && (
          <>
            <Switch
              mt="xl"
              mb="md"
              label={words.createDisabled}
              checked={disabled}
              onChange={(event) => setDisabled(event.currentTarget.checked)}
            />
            {create.error && <Failure error={create.error} />}
            <Group mt="md">
              <Button type="submit" loading={create.isPending}>
                {words.create}
              </Button>
            </Group>
          </>
        )}
      </form>
    </Page>
  );
}
