package rows

import "github.com/usher-scim/usher/services/internal/sqlfile"

// Statements are the texts of the statements that every engine has.
type Statements struct {
	insertOrganization, getOrganization, getOrganizations, listOrganizations, listErasures, countErasures string
	updateOrganization, deleteClearedOrganization                                                         string

	getDirectory, listDirectories, listDirectoriesByRevision, listReplaceable   string
	insertDirectory, updateDirectory, markDirectoriesDeleted, deleteDirectories string

	resolveKey, getKey, listKeys, listDigests, countValidKeys, SummarizeKeys string
	insertKey, updateKey, deleteKeys                                         string

	resolveCredential, getCredential, listCredentials, listCredentialsOfOrganization, countValidCredentials string
	insertCredential, updateCredentialScope, updateCredential, deleteCredential                             string

	getOrganizationSession, listOrganizationSessions                                                                   string
	resolveSession, getSession, listSessions, listSessionsOfSubject, listSessionsOfProviderSession, listSessionDigests string
	insertSession, updateSession, revokeSessions, deleteEndedSessions, deleteSessions                                  string

	resolvePortalLink, getPortalLink, listPortalLinks, countOpenPortalLinks       string
	insertPortalLink, updatePortalLink, deleteEndedPortalLinks, deletePortalLinks string

	resolveBlockedSubject, getBlockedSubject, listBlockedSubjects, countBlockedSubjects string
	insertBlockedSubject, deleteBlockedSubject                                          string

	countExpiring string

	listSigningKeys, insertSigningKey, deleteExpiredSigningKeys string

	getRequest, putRequest, deleteExpiredRequests, deleteRequests string
}

// Load reads the statements from an engine's folder. It panics under the same conditions as sqlfile.
func Load(folder *sqlfile.Statements) *Statements {
	return &Statements{
		insertOrganization: folder.Load("insert_organization", "id", "display_name", "federated", "create_time", "update_time"),
		getOrganization:    folder.Load("get_organization", "id"),
		getOrganizations:   folder.Load("get_organizations", "ids"),
		listOrganizations:  folder.Load("list_organizations", "after", "limit"),
		listErasures:       folder.Load("list_erasures"),
		countErasures:      folder.Load("count_erasures"),
		updateOrganization: folder.Load("update_organization",
			"display_name", "federated", "update_time", "erase_time", "erase_revision", "waiting", "clear_time", "id"),
		deleteClearedOrganization: folder.Load("delete_cleared_organization", "id"),

		getDirectory:              folder.Load("get_directory", "organization_id", "id"),
		listDirectories:           folder.Load("list_directories", "organization_id", "after", "deleted", "limit"),
		listDirectoriesByRevision: folder.Load("list_directories_by_revision", "revision", "limit"),
		listReplaceable:           folder.Load("list_replaceable", "organization_id", "id", "limit"),
		insertDirectory: folder.Load("insert_directory",
			"organization_id", "id", "display_name", "strict", "unique_group_names", "adopt_by_name", "replaces_id", "create_time", "update_time"),
		updateDirectory: folder.Load("update_directory",
			"display_name", "strict", "unique_group_names", "adopt_by_name", "update_time", "delete_time", "organization_id", "id"),
		markDirectoriesDeleted: folder.Load("mark_directories_deleted", "now", "organization_id"),
		deleteDirectories:      folder.Load("delete_directories", "organization_id", "limit"),

		resolveKey:     folder.Load("resolve_key", "digest"),
		getKey:         folder.Load("get_key", "organization_id", "directory_id", "id"),
		listKeys:       folder.Load("list_keys", "organization_id", "directory_id", "limit"),
		listDigests:    folder.Load("list_digests", "organization_id", "directory_id"),
		countValidKeys: folder.Load("count_valid_keys", "organization_id", "directory_id", "at"),
		SummarizeKeys:  folder.Load("summarize_keys", "organization_id", "directory_ids", "at"),
		insertKey: folder.Load("insert_key",
			"organization_id", "directory_id", "id", "display_name", "digest", "create_time", "expire_time", "created_by", "created_by_kind"),
		updateKey:  folder.Load("update_key", "expire_time", "revoke_time", "replaced_by_id", "organization_id", "directory_id", "id"),
		deleteKeys: folder.Load("delete_keys", "organization_id", "limit"),

		resolveCredential:             folder.Load("resolve_credential", "digest"),
		getCredential:                 folder.Load("get_credential", "id"),
		listCredentials:               folder.Load("list_credentials", "before", "limit"),
		listCredentialsOfOrganization: folder.Load("list_credentials_of_organization", "organization_id"),
		countValidCredentials:         folder.Load("count_valid_credentials", "at"),
		insertCredential: folder.Load("insert_credential",
			"id", "display_name", "organization_ids", "all_organizations", "scopes", "address_ranges", "digest", "create_time", "expire_time"),
		updateCredentialScope: folder.Load("update_credential_scope", "organization_ids", "id"),
		updateCredential:      folder.Load("update_credential", "expire_time", "revoke_time", "replaced_by_id", "id"),
		deleteCredential:      folder.Load("delete_credential", "id"),

		resolveSession:                folder.Load("resolve_session", "digest"),
		getSession:                    folder.Load("get_session", "id"),
		listSessions:                  folder.Load("list_sessions", "before", "limit"),
		getOrganizationSession:        folder.Load("get_organization_session", "organization_id", "id"),
		listOrganizationSessions:      folder.Load("list_organization_sessions", "organization_id", "before", "limit"),
		listSessionsOfSubject:         folder.Load("list_sessions_of_subject", "provider", "subject", "now"),
		listSessionsOfProviderSession: folder.Load("list_sessions_of_provider_session", "provider", "provider_session", "now"),
		listSessionDigests:            folder.Load("list_session_digests", "organization_id"),
		insertSession: folder.Load("insert_session", "organization_id", "id", "digest", "principal_kind", "scopes", "provider", "subject",
			"provider_session", "one_directory", "directory_id", "address", "create_time", "use_time", "expire_time"),
		updateSession:       folder.Load("update_session", "directory_id", "revoke_time", "organization_id", "id"),
		revokeSessions:      folder.Load("revoke_sessions", "now", "organization_id"),
		deleteEndedSessions: folder.Load("delete_ended_sessions", "ended", "limit"),
		deleteSessions:      folder.Load("delete_sessions", "organization_id", "limit"),

		resolvePortalLink:    folder.Load("resolve_portal_link", "digest"),
		getPortalLink:        folder.Load("get_portal_link", "organization_id", "id"),
		listPortalLinks:      folder.Load("list_portal_links", "organization_id", "before", "limit"),
		countOpenPortalLinks: folder.Load("count_open_portal_links", "organization_id", "now"),
		insertPortalLink: folder.Load("insert_portal_link",
			"organization_id", "id", "digest", "scopes", "new_directory", "directory_id", "created_by", "create_time", "expire_time"),
		updatePortalLink:       folder.Load("update_portal_link", "directory_id", "use_time", "use_address", "revoke_time", "organization_id", "id"),
		deleteEndedPortalLinks: folder.Load("delete_ended_portal_links", "ended", "limit"),
		deletePortalLinks:      folder.Load("delete_portal_links", "organization_id", "limit"),

		resolveBlockedSubject: folder.Load("resolve_blocked_subject", "digest"),
		getBlockedSubject:     folder.Load("get_blocked_subject", "provider", "subject"),
		listBlockedSubjects:   folder.Load("list_blocked_subjects", "provider", "subject", "limit"),
		countBlockedSubjects:  folder.Load("count_blocked_subjects"),
		insertBlockedSubject:  folder.Load("insert_blocked_subject", "provider", "subject", "digest", "create_time", "blocked_by"),
		deleteBlockedSubject:  folder.Load("delete_blocked_subject", "provider", "subject"),

		countExpiring: folder.Load("count_expiring", "expired", "now", "late", "early"),

		listSigningKeys:          folder.Load("list_signing_keys"),
		insertSigningKey:         folder.Load("insert_signing_key", "id", "secret", "create_time", "expire_time"),
		deleteExpiredSigningKeys: folder.Load("delete_expired_signing_keys", "now"),

		getRequest: folder.Load("get_request", "organization_id", "principal", "request_type", "id"),
		putRequest: folder.Load("put_request",
			"organization_id", "principal", "request_type", "id", "digest", "resource_id", "create_time"),
		deleteExpiredRequests: folder.Load("delete_expired_requests", "organization_id", "expired", "limit"),
		deleteRequests:        folder.Load("delete_requests", "organization_id", "limit"),
	}
}
