"""The scenes that are built in, a file each."""
