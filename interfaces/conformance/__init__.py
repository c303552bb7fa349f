"""The conformance suite a module vendor runs against PMI."""
