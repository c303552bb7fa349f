"""What the controller understands of each class of module."""
