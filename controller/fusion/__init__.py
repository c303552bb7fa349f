"""Detections of several modules into tracks of road users."""
