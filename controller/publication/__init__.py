"""What leaves the pole: the topic table and one pure encoder per format."""
