package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// client calls a server for the commands.
type client struct {
	addr, tokenFile, output string
	tls, insecure           bool
	tlsCA                   string
	timeout                 time.Duration

	common *pflag.FlagSet // of all commands
	conn   *grpc.ClientConn
}

const (
	defaultAddr    = "127.0.0.1:8082"
	defaultDataDir = ".usher"
)

func fromEnvironment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func (c *client) flags(root *cobra.Command) {
	flags := root.PersistentFlags()
	c.common = flags
	flags.StringVar(&c.addr, "addr", fromEnvironment("USHER_ADDR", defaultAddr), "the server's gRPC address (USHER_ADDR)")
	flags.String("config", "", "a YAML file with the server's settings")
	flags.String("data-dir", fromEnvironment("USHER_DATA_DIR", defaultDataDir), "the data folder, with the bootstrap token (USHER_DATA_DIR)")
	flags.StringVar(&c.tokenFile, "token-file", "", "a file with the token to sign in with, such as a service credential (default: the token in USHER_TOKEN, or else the first one that can be read of operator_token_files in the server's settings, or else the bootstrap token)")
	flags.BoolVar(&c.tls, "tls", false, "the gRPC address speaks TLS")
	flags.StringVar(&c.tlsCA, "tls-ca", "", "a PEM file with trusted authorities, for --tls (default: those of the system)")
	flags.BoolVar(&c.insecure, "insecure", false, "send the token or key in clear text also to another machine")
	flags.StringVarP(&c.output, "output", "o", "table", "table or json")
	flags.DurationVar(&c.timeout, "timeout", time.Minute, "the longest time for a call")
}

// checkOutput refuses an output that is none.
func (c *client) checkOutput() error {
	if c.output != "table" && c.output != "json" {
		return fmt.Errorf("--output must be table or json, not %q", c.output)
	}
	return nil
}

// dial connects with the token. It reads the token each time, and keeps no copy of it.
func (c *client) dial(ctx context.Context) (context.Context, context.CancelFunc, grpc.ClientConnInterface, error) {
	if err := c.checkOutput(); err != nil {
		return nil, nil, nil, err
	}
	token, err := c.token()
	if err != nil {
		return nil, nil, nil, failed(err)
	}
	if c.conn == nil {
		security, err := c.security()
		if err != nil {
			return nil, nil, nil, err
		}
		if c.conn, err = grpc.NewClient("dns:///"+c.addr, grpc.WithTransportCredentials(security)); err != nil {
			return nil, nil, nil, failed(err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	return ctx, cancel, c.conn, nil
}

// security returns the encryption of the connection.
func (c *client) security() (credentials.TransportCredentials, error) {
	switch {
	case c.tls && c.tlsCA == "":
		return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}), nil
	case c.tls:
		trusted, err := credentials.NewClientTLSFromFile(c.tlsCA, "")
		return trusted, failed(err)
	case c.tlsCA != "":
		return nil, errors.New("--tls-ca is for --tls")
	}
	if err := c.mayBeRead("--addr", c.addr, "use --tls"); err != nil {
		return nil, err
	}
	return insecure.NewCredentials(), nil
}

// mayBeRead refuses to send a secret in clear text to another machine, unless a flag allows it.
func (c *client) mayBeRead(flag, addr, instead string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); c.insecure || host == "localhost" || ip.IsLoopback() || ip.IsUnspecified() {
		return nil
	}
	return fmt.Errorf("%s is another machine, %q, and others could read the secret on the way to it: %s, or --insecure on a network that nobody else can read",
		flag, host, instead)
}

// token returns the token: from --token-file, else from USHER_TOKEN, else the first readable one of the operator's token files, as the
// settings of a server on this machine name them.
func (c *client) token() (string, error) {
	if c.tokenFile != "" {
		return readToken("the token file", c.tokenFile)
	}
	if text := os.Getenv("USHER_TOKEN"); text != "" {
		return oneToken("USHER_TOKEN", text)
	}
	s, _, err := readSettings(c.common) // only the server needs the others to be right
	if err != nil {
		return "", err
	}
	files, err := s.CommandTokenFiles()
	if err != nil {
		return "", fmt.Errorf("operator_token_files %w", err)
	}
	failures := []error{errors.New("no token of the operator can be read")}
	for _, file := range files {
		token, err := operatortoken.Read(file.Path)
		if err == nil {
			return token.Reveal(), nil
		}
		failures = append(failures, err)
	}
	return "", fmt.Errorf("%w\nThe bootstrap token is in the data folder of a running server (--data-dir), and the server's settings (--config) name other files. "+
		"For another token, use USHER_TOKEN or --token-file", errors.Join(failures...))
}

func readToken(what, path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", what, err)
	}
	return oneToken(path, string(text))
}

// oneToken refuses a text that gRPC would refuse as metadata, because gRPC's error would show it.
func oneToken(where, text string) (string, error) {
	token := strings.TrimSpace(text)
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s does not contain exactly one token", where)
	}
	return token, nil
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing uses it any more
	}
}

// call creates the function of a command that makes one call and prints its answer, in a table with these columns.
func (c *client) call(columns string, do func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error)) func(*cobra.Command, []string) error {
	return c.show(func(cmd *cobra.Command, message proto.Message) error {
		return c.print(cmd.OutOrStdout(), message, columns)
	}, do)
}

// show is call for an answer that has its own text. Its JSON is like that of any other.
func (c *client) show(text func(cmd *cobra.Command, message proto.Message) error, do func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		message, err := do(ctx, conn, args)
		if err != nil {
			return answered(err)
		}
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), message)
		}
		return text(cmd, message)
	}
}

// organizationFlag adds --organization. Its default is the demo organization, so that a first walk-through needs no flag.
func organizationFlag(cmd *cobra.Command, organization *string) {
	cmd.Flags().StringVar(organization, "organization", fromEnvironment("USHER_ORGANIZATION", "demo"), "the organization (USHER_ORGANIZATION)")
}

// userID returns the id of a user, who is given by id or userName.
func userID(ctx context.Context, conn grpc.ClientConnInterface, organization, user string) (string, error) {
	if user == "" {
		return "", errors.New("--user must name a user by id or userName")
	}
	if _, err := uuid.Parse(user); err == nil {
		return user, nil
	}
	response, err := identityv1.NewReadServiceClient(conn).LookupUser(ctx, &identityv1.LookupUserRequest{
		OrganizationId: organization, By: &identityv1.LookupUserRequest_UserName{UserName: user},
	})
	return response.GetUser().GetId(), err
}

// userIDOrAdvice is userID for a command that needs identity only for this. If identity cannot be reached, its error advises to use the
// user's id.
func userIDOrAdvice(ctx context.Context, conn grpc.ClientConnInterface, organization, user string) (string, error) {
	id, err := userID(ctx, conn, organization, user)
	if noAnswer(err) && fromServer(err) {
		return "", failed(fmt.Errorf("name the user by its id: looking it up needs identity, which cannot be reached (%s)",
			fault.ReasonName(rpc.Fault(err).Reason)))
	}
	return id, err
}

// noAnswer reports whether a server did not answer, or not in time.
func noAnswer(err error) bool {
	f := rpc.Fault(err)
	return f != nil && (f.Reason == fault.Unavailable || f.Reason == fault.Deadline)
}

// fromServer reports whether a server of Usher answered with this error. An error of the connection contains no ErrorInfo.
func fromServer(err error) bool {
	return slices.ContainsFunc(status.Convert(err).Details(), func(detail any) bool {
		_, ok := detail.(*errdetails.ErrorInfo)
		return ok
	})
}
