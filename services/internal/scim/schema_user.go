package scim

// userSchema is the User of RFC 7643 §4.1, characteristics as in §8.7.1.
func userSchema() *Schema {
	return &Schema{
		ID: UserSchema, Name: "User", Description: "User Account",
		Attributes: []*Attribute{
			define("userName", "The name the user signs in with. Unique in a directory; need not be an e-mail address.",
				required, indexed, unique(UniqueServer)),
			define("name", "The components of the user's name.", withSubs(
				define("formatted", "The full name, formatted for display."),
				define("familyName", "The family name, or last name in most Western languages."),
				define("givenName", "The given name, or first name in most Western languages."),
				define("middleName", "The middle names."),
				define("honorificPrefix", "The honorific prefixes, or title in most Western languages."),
				define("honorificSuffix", "The honorific suffixes."),
			)),
			define("displayName", "The name of the user, suitable for display.", indexed),
			define("nickName", "The casual way to address the user."),
			define("profileUrl", "The URL of the user's online profile.", refersTo("external")),
			define("title", "The user's title, such as \"Vice President\"."),
			define("userType", "The relationship between the organization and the user, such as \"Contractor\"."),
			define("preferredLanguage", "The user's preferred languages, in the form of the Accept-Language header."),
			define("locale", "The user's default location, for currency, dates and numbers."),
			define("timezone", "The user's time zone, in the IANA form such as \"America/Los_Angeles\"."),
			define("active", "Whether the user may sign in.", ofType(TypeBoolean)),
			define("password", "The user's cleartext password. Accepted, and never stored.", func(a *Attribute) {
				a.Mutability, a.Returned, a.CaseExact = WriteOnly, ReturnedNever, true
			}),
			define("emails", "E-mail addresses of the user.", multi,
				plural("An e-mail address.", []string{"work", "home", "other"}), searched),
			define("phoneNumbers", "Phone numbers of the user.", multi,
				plural("A phone number.", []string{"work", "home", "mobile", "fax", "pager", "other"}), searched),
			define("ims", "Instant messaging addresses of the user.", multi,
				plural("An instant messaging address.", []string{"aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"}), searched),
			define("photos", "URLs of photos of the user.", multi,
				plural("The URL of a photo.", []string{"photo", "thumbnail"}, refersTo("external"))),
			define("addresses", "Physical mailing addresses of the user.", multi, withSubs(
				define("formatted", "The full address, formatted for display or a label."),
				define("streetAddress", "The street, house number and the like; may contain line breaks."),
				define("locality", "The city or locality."),
				define("region", "The state or region."),
				define("postalCode", "The postal code."),
				define("country", "The country, as an ISO 3166-1 alpha-2 code."),
				define("type", "A label indicating the attribute's function.", suggest("work", "home", "other")),
				define("primary", "Whether this is the preferred value. No more than one value is.", ofType(TypeBoolean)),
			)),
			define("groups", "The groups the user belongs to, directly or through nested groups.", multi, mutability(ReadOnly), withSubs(
				define("value", "The id of the group.", caseExact, mutability(ReadOnly)),
				define("$ref", "The URI of the group.", refersTo("Group"), mutability(ReadOnly)),
				define("display", "The name of the group.", mutability(ReadOnly)),
				define("type", "Whether the user is a direct member.", suggest("direct", "indirect"), mutability(ReadOnly)),
			)),
			define("entitlements", "Things the user is entitled to.", multi, plural("An entitlement.", nil), searched),
			define("roles", "Roles of the user.", multi, plural("A role.", nil), searched),
			define("x509Certificates", "Certificates issued to the user.", multi,
				plural("An X.509 certificate: base64 of its DER.", nil, ofType(TypeBinary))),
		},
	}
}

// enterpriseUserSchema is the extension of RFC 7643 §4.3, characteristics as in §8.7.1.
func enterpriseUserSchema() *Schema {
	return &Schema{
		ID: EnterpriseUserSchema, Name: "EnterpriseUser", Description: "Enterprise User",
		Attributes: []*Attribute{
			define("employeeNumber", "An identifier that the organization gave the user."),
			define("costCenter", "The name of a cost center."),
			define("organization", "The name of an organization."),
			define("division", "The name of a division."),
			define("department", "The name of a department."),
			define("manager", "The user's manager.", withSubs(
				define("value", "The id of the manager's User.", caseExact),
				define("$ref", "The URI of the manager's User.", refersTo("User")),
				define("displayName", "The manager's display name.", mutability(ReadOnly)),
			)),
		},
	}
}
