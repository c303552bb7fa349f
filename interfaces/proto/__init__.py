"""Generated protobuf classes; `make proto` writes them again from the .proto files beside them."""
