package fault

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// OptionsOf returns the options of a reason in the contract: its codes, its scimType and its remedy. For a number that is not a reason, it
// returns the options of Internal. Callers must not change the result.
func OptionsOf(r Reason) *commonv1.ErrorReasonOptions {
	if o, ok := contract().options[r]; ok {
		return o
	}
	return contract().options[Internal]
}

// OfSCIMType returns the SCIM_ reason that has a scimType, or Internal if there is none.
func OfSCIMType(scimType string) Reason {
	if r, ok := contract().scim[scimType]; ok {
		return r
	}
	return Internal
}

type reasons struct {
	options map[Reason]*commonv1.ErrorReasonOptions
	scim    map[string]Reason // by scimType
}

// contract reads the options of every reason from the descriptor of the enum, once.
var contract = sync.OnceValue(func() reasons {
	all := reasons{options: map[Reason]*commonv1.ErrorReasonOptions{}, scim: map[string]Reason{}}
	values := Reason(0).Descriptor().Values()
	for i := range values.Len() {
		value := values.Get(i)
		if !proto.HasExtension(value.Options(), commonv1.E_Reason) {
			continue
		}
		r := Reason(value.Number())
		o := proto.GetExtension(value.Options(), commonv1.E_Reason).(*commonv1.ErrorReasonOptions)
		all.options[r] = o
		if strings.HasPrefix(ReasonName(r), "SCIM_") {
			all.scim[o.GetScimType()] = r
		}
	}
	return all
})
