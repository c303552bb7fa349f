"""What goes out over a communication module's radio: one pure codec a standard, no network, no clock."""
