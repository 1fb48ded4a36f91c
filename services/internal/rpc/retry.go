package rpc

import (
	"encoding/json"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// serviceConfig tells gRPC how to call a service: balanced over its healthy replicas and, if the contract says that a method has no side
// effects, again after the service could not be reached. The tokens limit the retries while most calls fail.
func serviceConfig() string {
	type object = map[string]any
	config := object{
		"loadBalancingConfig": []object{{"round_robin": object{}}},
		"healthCheckConfig":   object{"serviceName": ""},
		"retryThrottling":     object{"maxTokens": 100, "tokenRatio": 0.2},
	}
	if safe := safeMethods(); len(safe) > 0 {
		config["methodConfig"] = []object{{
			"name": safe,
			"retryPolicy": object{
				"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 2,
				"retryableStatusCodes": []string{"UNAVAILABLE"},
			},
		}}
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // strings and numbers marshal
	}
	return string(text)
}

// methodName is the name of a method in a service config.
type methodName struct {
	Service string `json:"service"`
	Method  string `json:"method"`
}

// safeMethods lists the methods of the contract that may be called twice.
func safeMethods() (names []methodName) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				options, ok := method.Options().(*descriptorpb.MethodOptions)
				ours := len(Callers("/"+string(service.FullName())+"/"+string(method.Name())).GetServices()) > 0
				if ok && ours && options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS {
					names = append(names, methodName{string(service.FullName()), string(method.Name())})
				}
			}
		}
		return true
	})
	return names
}
