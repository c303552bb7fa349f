"""What a pole says in the words of other systems, as encoders without a network: docs/profiles.md."""
