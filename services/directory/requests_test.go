package directory_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// creation is an RPC that creates something.
type creation struct {
	name string
	// call creates with this request_id, or repeats. changed changes the content. It returns the id, the secret, and whether the response
	// says that the secret was left out.
	call func(ctx context.Context, requestID string, changed bool) (id, secret string, omitted bool, err error)
	// count counts the existing ones.
	count func() int
}

func creations(b *bundle, directoryID string) []creation {
	name := func(changed bool) string {
		if changed {
			return "other"
		}
		return "one"
	}
	return []creation{
		{"organization", func(ctx context.Context, requestID string, changed bool) (string, string, bool, error) {
			r, err := b.organizations.CreateOrganization(ctx, &directoryv1.CreateOrganizationRequest{
				Organization: &directoryv1.Organization{Id: name(changed)}, RequestId: requestID})
			return r.GetOrganization().GetId(), "-", false, err
		}, func() int {
			r, err := b.organizations.ListOrganizations(b.operator(), &directoryv1.ListOrganizationsRequest{})
			must(b, err)
			return len(r.GetOrganizations())
		}},
		{"directory", func(ctx context.Context, requestID string, changed bool) (string, string, bool, error) {
			r, err := b.directories.CreateDirectory(ctx, &directoryv1.CreateDirectoryRequest{
				OrganizationId: "acme", Directory: &directoryv1.Directory{DisplayName: proto.String(name(changed))}, RequestId: requestID})
			if err == nil && (r.GetApiKey() == nil) != r.GetSecretOmitted() {
				b.Errorf("the key is %v", r.GetApiKey())
			}
			return r.GetDirectory().GetId(), r.GetSecret(), r.GetSecretOmitted(), err
		}, func() int {
			r, err := b.directories.ListDirectories(b.operator(), &directoryv1.ListDirectoriesRequest{OrganizationId: "acme"})
			must(b, err)
			return len(r.GetDirectories())
		}},
		{"API key", func(ctx context.Context, requestID string, changed bool) (string, string, bool, error) {
			r, err := b.keys.CreateApiKey(ctx, &directoryv1.CreateApiKeyRequest{
				OrganizationId: "acme", DirectoryId: directoryID, ApiKey: &directoryv1.ApiKey{DisplayName: name(changed)}, RequestId: requestID})
			return r.GetApiKey().GetId(), r.GetSecret(), r.GetSecretOmitted(), err
		}, func() int {
			r, err := b.keys.ListApiKeys(b.operator(), &directoryv1.ListApiKeysRequest{OrganizationId: "acme", DirectoryId: directoryID})
			must(b, err)
			return len(r.GetApiKeys())
		}},
		{"service credential", func(ctx context.Context, requestID string, changed bool) (string, string, bool, error) {
			r, err := b.credentials.CreateServiceCredential(ctx, &directoryv1.CreateServiceCredentialRequest{
				ServiceCredential: &directoryv1.ServiceCredential{DisplayName: name(changed), AllOrganizations: true, Scopes: readAccess}, RequestId: requestID})
			return r.GetServiceCredential().GetId(), r.GetSecret(), r.GetSecretOmitted(), err
		}, func() int {
			r, err := b.credentials.ListServiceCredentials(b.operator(), &directoryv1.ListServiceCredentialsRequest{})
			must(b, err)
			return len(r.GetServiceCredentials())
		}},
	}
}

func TestACallThatIsRepeatedCreatesOnce(t *testing.T) {
	t.Parallel()
	for engine, choose := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, choose)
			b.organization("acme")
			all := creations(b, b.directory().GetDirectory().GetId())
			for _, c := range all {
				b.repeatedAtOnce(c)
			}
			for _, c := range all {
				b.repeated(c)
			}
		})
	}
}

func (b *bundle) repeated(c creation) {
	b.Helper()
	changed := c.name == "organization" // another organization already has the id
	before, requestID := c.count(), ids.New()
	id, secret, omitted, err := c.call(b.operator(), requestID, changed)
	must(b, err)
	if secret == "" || omitted {
		b.Errorf("%s: the first answer has the secret %q, and says that it is omitted: %t", c.name, secret, omitted)
	}
	again, secret, omitted, err := c.call(b.operator(), requestID, changed)
	must(b, err)
	if again != id || c.name != "organization" && (secret != "" || !omitted) {
		b.Errorf("%s: the second answer is about %s, not %s, with the secret %q, omitted: %t", c.name, again, id, secret, omitted)
	}
	equal(b, c.name+": how many there are more", c.count()-before, 1)
	_, _, _, err = c.call(b.operator(), requestID, !changed)
	refused(b, c.name+" for something else", err, fault.RequestIDReused)
	equal(b, c.name+": how many there are more, after a refusal", c.count()-before, 1)
	if c.name == "organization" {
		return
	}
	stranger := rpc.WithPrincipal(b.operator(), rpc.Operator("another"))
	theirs, _, _, err := c.call(stranger, requestID, changed)
	must(b, err)
	b.clock.advance(25 * time.Hour)
	later, _, _, err := c.call(b.operator(), requestID, changed)
	must(b, err)
	if theirs == id || later == id || theirs == later {
		b.Errorf("%s: another principal, and the same one a day later, get %s and %s", c.name, theirs, later)
	}
}

func (b *bundle) repeatedAtOnce(c creation) {
	b.Helper()
	const calls = 6
	before, requestID := c.count(), ids.New()
	type answer struct {
		id, secret string
		err        error
	}
	answers := make(chan answer)
	for range calls {
		go func() {
			id, secret, _, err := c.call(b.operator(), requestID, false)
			answers <- answer{id, secret, err}
		}()
	}
	told, secrets := map[string]bool{}, 0
	for range calls {
		a := <-answers
		if a.err != nil {
			b.Errorf("%s: %v", c.name, a.err)
		}
		told[a.id] = true
		if a.secret != "" {
			secrets++
		}
	}
	if len(told) != 1 || c.count()-before != 1 || c.name != "organization" && secrets != 1 {
		b.Errorf("%s: %d were created, and the answers tell of %d with %d secrets", c.name, c.count()-before, len(told), secrets)
	}
}

// A failed call is not recorded: a repetition tries again. A resource that was deleted meanwhile is not created again.
func TestARepetitionAfterAFailureOrADeletion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.organizations.CreateOrganization(b.operator(), &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: "acme"}})
	must(t, err)
	request := &directoryv1.CreateDirectoryRequest{
		OrganizationId: "acme", Directory: &directoryv1.Directory{DisplayName: proto.String("Okta")}, RequestId: ids.New(),
	}
	_, err = b.directories.CreateDirectory(b.operator(), request)
	refused(t, "creating", err, fault.NotFederated)
	_, err = b.organizations.UpdateOrganization(b.operator(), &directoryv1.UpdateOrganizationRequest{
		OrganizationId: "acme", Organization: &directoryv1.Organization{Federated: proto.Bool(true)},
	})
	must(t, err)
	made, err := b.directories.CreateDirectory(b.operator(), request)
	must(t, err)
	b.deleteDirectory(made.GetDirectory().GetId())
	again, err := b.directories.CreateDirectory(b.operator(), request)
	must(t, err)
	equal(t, "the state of what the repetition tells of", again.GetDirectory().GetState(), directoryv1.DirectoryState_DIRECTORY_STATE_DELETED)
	request.RequestId = "not a UUID"
	_, err = b.directories.CreateDirectory(b.operator(), request)
	f := refused(t, "another form of id", err, fault.InvalidRequest)
	equal(t, "the field", f.Fields[0].Path, "request_id")
}

func TestAnUpdateWithAnOldEtagIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory().GetDirectory()
	update := func(etag, name string) (*directoryv1.Directory, error) {
		r, err := b.directories.UpdateDirectory(b.operator(), &directoryv1.UpdateDirectoryRequest{
			OrganizationId: "acme", Id: made.GetId(), Directory: &directoryv1.Directory{DisplayName: proto.String(name), Etag: etag},
		})
		return r.GetDirectory(), err
	}
	changed, err := update(made.GetEtag(), "New")
	must(t, err)
	_, err = update(made.GetEtag(), "Lost")
	refused(t, "an update of what has changed", err, fault.Conflict)
	read, err := b.directories.GetDirectory(b.operator(), &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: made.GetId()})
	must(t, err)
	if changed.GetEtag() == made.GetEtag() || read.GetDirectory().GetEtag() != changed.GetEtag() || read.GetDirectory().GetDisplayName() != "New" {
		t.Errorf("it was %v, became %v, and is %v", made, changed, read)
	}
	_, err = update("", "Newer")
	must(t, err)

	setFederated := func(etag string, federated bool) (*directoryv1.Organization, error) {
		r, err := b.organizations.UpdateOrganization(b.operator(), &directoryv1.UpdateOrganizationRequest{
			OrganizationId: "acme", Organization: &directoryv1.Organization{Federated: &federated, Etag: etag},
		})
		return r.GetOrganization(), err
	}
	acme, err := setFederated("", false)
	must(t, err)
	_, err = setFederated("another", true)
	refused(t, "an update of another state", err, fault.Conflict)
	_, err = setFederated(acme.GetEtag(), true)
	must(t, err)
	// A directory's state follows its organization. That does not change what clients choose.
	before, err := b.directories.GetDirectory(b.operator(), &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: made.GetId()})
	must(t, err)
	_, err = setFederated("", false)
	must(t, err)
	after, err := b.directories.GetDirectory(b.operator(), &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: made.GetId()})
	must(t, err)
	if before.GetDirectory().GetState() == after.GetDirectory().GetState() || before.GetDirectory().GetEtag() != after.GetDirectory().GetEtag() {
		t.Errorf("it was %v, and is %v", before, after)
	}
}
