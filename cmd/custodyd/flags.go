package main

import (
	"net/netip"
	"time"
)

// Flags is the command line. Help texts are keys of the catalogue.
type Flags struct {
	Data         string `default:"custody-data" type:"path" env:"SOKYSO_DATA" help:"${help_data}"`
	Database     string `env:"SOKYSO_DATABASE" xor:"database" help:"${help_database}" placeholder:"URL"`
	DatabaseFile string `type:"path" xor:"database" help:"${help_database_file}" placeholder:"FILE"`
	School       string `env:"SOKYSO_SCHOOL" help:"${help_school}" placeholder:"NAME"`
	LogKeyFile   string `type:"path" env:"SOKYSO_LOG_KEY_FILE" help:"${help_log_key_file}" placeholder:"FILE"`
	Config       string `type:"path" help:"${help_config}" placeholder:"FILE"`
	Lang         string `enum:"vi,en," default:"" help:"${help_lang}" placeholder:"vi|en"`
	Version      bool   `help:"${help_version}"`

	Init        InitCommand        `cmd:"" help:"${help_init}"`
	Schools     SchoolsCommand     `cmd:"" help:"${help_schools}"`
	Serve       ServeCommand       `cmd:"" help:"${help_serve}"`
	Healthcheck HealthcheckCommand `cmd:"" help:"${help_healthcheck}"`
	Migrate     MigrateCommand     `cmd:"" help:"${help_migrate}"`
	Witness     WitnessCommand     `cmd:"" help:"${help_witness}"`
	User        struct {
		Add      UserAddCommand      `cmd:"" help:"${help_user_add}"`
		Password UserPasswordCommand `cmd:"" help:"${help_user_password}"`
		List     UserListCommand     `cmd:"" help:"${help_user_list}"`
	} `cmd:"" help:"${help_user}"`
	Department struct {
		Add  DepartmentAddCommand  `cmd:"" help:"${help_department_add}"`
		End  DepartmentEndCommand  `cmd:"" help:"${help_department_end}"`
		List DepartmentListCommand `cmd:"" help:"${help_department_list}"`
	} `cmd:"" help:"${help_department}"`
	Log struct {
		Verify     LogVerifyCommand     `cmd:"" help:"${help_log_verify}"`
		Checkpoint LogCheckpointCommand `cmd:"" help:"${help_log_checkpoint}"`
		Export     LogExportCommand     `cmd:"" help:"${help_log_export}"`
		ChangeKey  LogChangeKeyCommand  `cmd:"" help:"${help_log_change_key}"`
	} `cmd:"" help:"${help_log}"`

	Backup  BackupCommand  `cmd:"" help:"${help_backup}"`
	Restore RestoreCommand `cmd:"" help:"${help_restore}"`

	Settings struct {
		Check   ConfigCheckCommand   `cmd:"" help:"${help_config_check}"`
		Example ConfigExampleCommand `cmd:"" help:"${help_config_example}"`
	} `cmd:"" name:"config" help:"${help_config_command}"`

	Report ReportCommand `cmd:"" help:"${help_report}"`
}

// InitCommand makes the register, the log's key and the school.
type InitCommand struct {
	SchoolName string `required:"" help:"${help_school_name}" placeholder:"NAME"`
	SchoolCode string `required:"" help:"${help_school_code}" placeholder:"MNHS"`
	Superior   string `help:"${help_superior}" placeholder:"NAME"`
	Place      string `help:"${help_place}" placeholder:"NAME"`
}

// SchoolsCommand lists the schools of a register.
type SchoolsCommand struct{}

// HealthcheckCommand asks a service on this machine whether it is ready.
type HealthcheckCommand struct {
	URL string `arg:"" optional:"" default:"http://127.0.0.1:8421" help:"${help_healthcheck_url}"`
}

// MigrateCommand brings the schema up to date.
type MigrateCommand struct{}

// ServeCommand serves pages and API until it is told to stop.
type ServeCommand struct {
	Listen                string `default:"127.0.0.1:8421" help:"${help_listen}" placeholder:"HOST:PORT"`
	ListenFile            string `type:"path" help:"${help_listen_file}" placeholder:"FILE"`
	PublicURL             string `name:"public-url" help:"${help_public_url}" placeholder:"URL"`
	Many                  bool   `help:"${help_many}"`
	TLSCert               string `name:"tls-cert" type:"path" and:"tls" help:"${help_tls_cert}" placeholder:"PEM"`
	TLSKey                string `name:"tls-key" type:"path" and:"tls" help:"${help_tls_key}" placeholder:"PEM"`
	ACMEFlags             `embed:""`
	Proxy                 []netip.Prefix `help:"${help_proxy}" placeholder:"CIDR"`
	Revocation            string         `enum:"off,soft,hard" default:"soft" help:"${help_revocation}"`
	Issuers               string         `type:"path" help:"${help_issuers}" placeholder:"PEM"`
	OfficialRoots         string         `type:"path" help:"${help_official_roots}" placeholder:"PEM"`
	PublicRoots           string         `type:"path" help:"${help_public_roots}" placeholder:"PEM"`
	PrivateAuthority      bool           `help:"${help_private_authority}"`
	UnconfirmedAfter      time.Duration  `default:"1h" help:"${help_unconfirmed_after}"`
	MonitorEvery          time.Duration  `default:"6h" help:"${help_monitor_every}"`
	SMTP                  string         `name:"smtp" help:"${help_smtp}" placeholder:"HOST:PORT"`
	SMTPEncryption        string         `name:"smtp-encryption" enum:"starttls,tls,none" default:"starttls" help:"${help_smtp_encryption}"`
	SMTPUser              string         `name:"smtp-user" help:"${help_smtp_user}" placeholder:"NAME"`
	SMTPPasswordFile      string         `name:"smtp-password-file" type:"path" help:"${help_smtp_password_file}" placeholder:"FILE"`
	MailFrom              string         `help:"${help_mail_from}" placeholder:"ADDRESS"`
	WebhookFile           string         `type:"path" help:"${help_webhook_file}" placeholder:"FILE"`
	WebhookSecretFile     string         `type:"path" help:"${help_webhook_secret_file}" placeholder:"FILE"`
	Witnesses             []string       `name:"witness" sep:"none" help:"${help_witnesses}" placeholder:"KEY@URL"`
	BackupFolder          string         `type:"path" help:"${help_backup_folder}" placeholder:"FOLDER"`
	BackupEvery           time.Duration  `default:"24h" help:"${help_backup_every}"`
	BackupKeep            int            `default:"30" help:"${help_backup_keep}"`
	Metrics               string         `help:"${help_metrics}" placeholder:"HOST:PORT"`
	LogFormat             string         `enum:"text,json" default:"text" help:"${help_log_format}"`
	MaxConnections        int            `default:"4000" help:"${help_max_connections}"`
	ConnectionsPerAddress int            `default:"500" help:"${help_connections_per_address}"`
	Grace                 time.Duration  `default:"10s" help:"${help_grace}"`
	DrainWait             time.Duration  `default:"0s" help:"${help_drain_wait}"`
}

// UserAddCommand registers a person with an account, and prints the link by which its
// owner sets the password.
type UserAddCommand struct {
	Username     string `required:"" help:"${help_username}"`
	Name         string `required:"" help:"${help_name}"`
	Email        string `help:"${help_email}"`
	Admin        bool   `help:"${help_admin}"`
	Position     string `enum:"principal,deputy,office_head,staff," default:"" help:"${help_position}" placeholder:"KIND"`
	Title        string `help:"${help_title}"`
	PublicURL    string `name:"public-url" help:"${help_public_url}" placeholder:"URL"`
	PasswordFile string `help:"${help_first_password_file}" placeholder:"FILE"`
}

// UserPasswordCommand replaces a forgotten password.
type UserPasswordCommand struct {
	Username     string `required:"" help:"${help_username}"`
	PasswordFile string `help:"${help_password_file}" placeholder:"FILE"`
}

// UserListCommand lists people and their accounts.
type UserListCommand struct{}

// DepartmentAddCommand lets somebody of the department read at a school, or at all.
type DepartmentAddCommand struct {
	Username string `required:"" help:"${help_department_username}"`
	All      bool   `help:"${help_department_all}"`
}

// DepartmentEndCommand ends that.
type DepartmentEndCommand struct {
	Username string `required:"" help:"${help_department_username}"`
	All      bool   `help:"${help_department_all}"`
}

// DepartmentListCommand lists who may, and who waits to be let in.
type DepartmentListCommand struct {
	All bool `help:"${help_department_all}"`
}

// LogVerifyCommand recomputes the whole log.
type LogVerifyCommand struct {
	LogKey     string `help:"${help_verify_key}" placeholder:"KEY|FILE"`
	Checkpoint string `type:"path" help:"${help_verify_checkpoint}" placeholder:"FILE"`
}

// LogCheckpointCommand prints the log's signed checkpoint.
type LogCheckpointCommand struct{}

// LogExportCommand writes the log into a folder, for others to check.
type LogExportCommand struct {
	Folder string `arg:"" type:"path" help:"${help_export_folder}"`
}
