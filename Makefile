# Everything a newcomer needs: `make demo` and `make test`; both set up what is missing.
.DEFAULT_GOAL := help
BIN := .venv/bin

.PHONY: proto
proto: ## write the generated protobuf classes again
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. --python_out=. --mypy_out=. $(wildcard interfaces/proto/*.proto)
