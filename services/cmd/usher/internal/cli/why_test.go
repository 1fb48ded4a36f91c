package cli

import (
	"testing"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

func TestAnExplanationIsInWords(t *testing.T) {
	t.Parallel()
	grants := []*rulev1.Grant{{TenantId: "production", RoleId: "designer"}}
	for want, e := range map[string]*rulev1.RuleExplanation{
		`designer in production: by rule "Design", because the user is in the group "Designers", through "Leads", then "Teams".`: {
			DisplayName: "Design", Finding: rulev1.Finding_FINDING_GIVES, Grants: grants, GroupName: "Designers",
			Through: []*rulev1.PathStep{{DisplayName: "Leads"}, {DisplayName: "Teams"}},
		},
		`organization-admin in the organization: not yet, but by rule "Boss" after a rule sync or with the next change of the user, because the user has the role value "boss".`: {
			DisplayName: "Boss", Finding: rulev1.Finding_FINDING_WAITS_FOR_SYNC, Grants: []*rulev1.Grant{{RoleId: "organization-admin"}}, RoleValue: "boss",
		},
		`designer in production: still by a rule that was deleted (id), which does not give it now. It ends with a rule sync or with the next change of the user, unless the user is detached or the last Organization Admin.`: {
			RuleId: "id", Finding: rulev1.Finding_FINDING_STILL_GIVES, Grants: grants,
		},
		`designer in production: not by rule "Design", because the user is not in the group "Designers".`: {
			DisplayName: "Design", Finding: rulev1.Finding_FINDING_NOT_IN_GROUP, Grants: grants, GroupName: "Designers",
		},
		`designer in production: by rule "All", because the user matches a filter.`: {
			DisplayName: "All", Finding: rulev1.Finding_FINDING_GIVES, Grants: grants,
		},
	} {
		if got := ruleExplained(e); got != want {
			t.Errorf("explained as\n%s\nnot\n%s", got, want)
		}
	}
}
