package simulate

// A spelling is a name as it is written, and its form in an e-mail address.
type spelling struct{ written, ascii string }

var givenNames = []spelling{
	{"Ada", "ada"}, {"Amélie", "amelie"}, {"Anders", "anders"}, {"Aoife", "aoife"}, {"Ayşe", "ayse"}, {"Björn", "bjorn"},
	{"Camila", "camila"}, {"Chidi", "chidi"}, {"Chloë", "chloe"}, {"Daniel", "daniel"}, {"Đorđe", "dorde"}, {"Elif", "elif"},
	{"Émile", "emile"}, {"Farah", "farah"}, {"Fiona", "fiona"}, {"François", "francois"}, {"Grace", "grace"}, {"Hana", "hana"},
	{"Hiroshi", "hiroshi"}, {"Igor", "igor"}, {"Inês", "ines"}, {"Jamal", "jamal"}, {"João", "joao"}, {"Jürgen", "jurgen"},
	{"Kateřina", "katerina"}, {"Kofi", "kofi"}, {"Lars", "lars"}, {"Leïla", "leila"}, {"Łukasz", "lukasz"}, {"Maren", "maren"},
	{"María", "maria"}, {"Mehmet", "mehmet"}, {"Mei", "mei"}, {"Nadia", "nadia"}, {"Noah", "noah"}, {"Oksana", "oksana"},
	{"Ólafur", "olafur"}, {"Paolo", "paolo"}, {"Priya", "priya"}, {"Quentin", "quentin"}, {"Rasa", "rasa"}, {"Ravi", "ravi"},
	{"Renée", "renee"}, {"Sanjay", "sanjay"}, {"Siobhán", "siobhan"}, {"Søren", "soren"}, {"Tariq", "tariq"}, {"Tomás", "tomas"},
	{"Ursula", "ursula"}, {"Václav", "vaclav"}, {"Wanjiru", "wanjiru"}, {"Xiomara", "xiomara"}, {"Yuki", "yuki"}, {"Zoë", "zoe"},
	{"美咲", "misaki"}, {"Александр", "aleksandr"},
}

var familyNames = []spelling{
	{"Abara", "abara"}, {"Ågren", "agren"}, {"Andersson", "andersson"}, {"Bakker", "bakker"}, {"Beaumont", "beaumont"},
	{"Castañeda", "castaneda"}, {"Çelik", "celik"}, {"Dąbrowski", "dabrowski"}, {"D'Angelo", "d'angelo"}, {"Dvořák", "dvorak"},
	{"Eriksen", "eriksen"}, {"Farouk", "farouk"}, {"Fitzgerald", "fitzgerald"}, {"Fußmann", "fussmann"}, {"García", "garcia"},
	{"Gonçalves", "goncalves"}, {"Haddad", "haddad"}, {"Hernández", "hernandez"}, {"Horváth", "horvath"}, {"Ivanova", "ivanova"},
	{"Iyer", "iyer"}, {"Jensen", "jensen"}, {"Jónsdóttir", "jonsdottir"}, {"Kamau", "kamau"}, {"Kowalczyk", "kowalczyk"},
	{"Kuznetsov", "kuznetsov"}, {"Lacroix", "lacroix"}, {"Lindqvist", "lindqvist"}, {"Lopes-Ferreira", "lopes-ferreira"},
	{"MacLeod", "macleod"}, {"Mbeki", "mbeki"}, {"Meißner", "meissner"}, {"Moreau", "moreau"}, {"Müller", "muller"},
	{"Nakamura", "nakamura"}, {"Nguyễn", "nguyen"}, {"Novák", "novak"}, {"O'Donnell", "o'donnell"}, {"Okafor", "okafor"},
	{"Øverland", "overland"}, {"Papadakis", "papadakis"}, {"Peña", "pena"}, {"Petrov", "petrov"}, {"Quispe", "quispe"},
	{"Rasmussen", "rasmussen"}, {"Rossi", "rossi"}, {"Šimić", "simic"}, {"Schäfer", "schafer"}, {"Silva", "silva"},
	{"Tanaka", "tanaka"}, {"Thorsen", "thorsen"}, {"Tremblay", "tremblay"}, {"Ünal", "unal"}, {"Van den Berg", "vandenberg"},
	{"Vasquez", "vasquez"}, {"Weber", "weber"}, {"Wójcik", "wojcik"}, {"Yamamoto", "yamamoto"}, {"Zhang", "zhang"},
	{"Żukowska", "zukowska"}, {"佐藤", "sato"}, {"Соколова", "sokolova"},
}

var departments = []string{
	"Engineering", "Product", "Design", "Marketing", "Sales", "Customer Success", "Finance", "Legal", "People", "R&D",
	"Facilities", "Security", "Data & Insights", "Quality Assurance",
}

var titles = []string{
	"Analyst", "Engineer", "Senior Engineer", "Designer", "Coordinator", "Specialist", "Team Lead", "Manager", "Consultant",
	"Director", "Administrator", "Scientist",
}

var locations = []string{
	"Berlin", "São Paulo", "Zürich", "Kraków", "Lisbon", "Nairobi", "Osaka", "Toronto", "Dublin", "Malmö", "Singapore", "Austin",
}

var projects = []string{
	`Project "Aurora"`, "Project Basalt", "Project Cobalt", "Project Driftwood", "Project Ember", "Project Fjord",
	"Project Granite", "Project Halcyon",
}

var appRoles = []string{"Reader", "Editor", "Approver"}

var locales = []string{"en-US", "en-GB", "de-DE", "fr-CA", "pt-BR", "ja-JP", "pl-PL", "sv-SE"}

// mailDomains are reserved for examples (RFC 2606), so simulated mail cannot reach anybody.
var mailDomains = []string{"example.com", "example.org"}

// ruleGroups are the groups of the default rules, with the role that each gives in the tenant ruleTenant.
var ruleGroups = []struct{ name, role string }{
	{"Participants", "Participant"},
	{"Designers", "Designer"},
	{"Developers", "Developer"},
	{"Automation Admins", "Automation Admin"},
	{"Administrators", "Global Admin"},
}

const ruleTenant = "production"
