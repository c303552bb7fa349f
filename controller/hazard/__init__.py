"""Tracks into hazards and near misses (ヒヤリハット)."""
