// Command protodeps writes the .proto files of our dependencies into a folder. It prints them from the descriptors that their Go packages
// register. So their versions are those in go.sum, and the repository contains no copies of third-party files.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/code"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protodeps FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "protodeps:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	printer := protoprint.Printer{}
	for _, path := range []string{
		"google/api/annotations.proto",
		"google/api/field_behavior.proto",
		"google/api/http.proto",
		"google/rpc/code.proto",
		"buf/validate/validate.proto",
	} {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			return fmt.Errorf("finding %s: %w", path, err)
		}
		text, err := printer.PrintProtoToString(file)
		if err != nil {
			return fmt.Errorf("printing %s: %w", path, err)
		}
		target := filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(target, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
